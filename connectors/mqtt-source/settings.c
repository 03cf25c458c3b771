/* settings.c - the table of keys. What they mean together: setup.c. */
#include "settings.h"

#define FIELD(name) WEIR_FIELD(mqtt_settings, name)

static const char *const versions[] = {"auto", "3.1.1", "5", NULL};
static const char *const failovers[] = {"ordered", "random", NULL};
static const char *const identifications[] = {"https", "none", NULL};
static const char *const pause_behaviors[] = {"disconnect", "hold", NULL};
static const char *const startup_errors[] = {"retry", "error", NULL};
static const char *const retains[] = {"send_if_new", "send", "never", NULL};
static const char *const assignments[] = {"topics", "shared", NULL};
static const char *const header_styles[] = {"mqtt", "camel", "both", "none", NULL};
static const char *const formats[] = {"bytes", "string", "json", "auto", "envelope", NULL};
static const char *const ack_modes[] = {"kafka", "receive", NULL};
static const char *const full_policies[] = {"block", "fail", NULL};
static const char *const levels[] = {"OFF", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", NULL};
static const char *const unknowns[] = {"warn", "error", NULL};
static const char *const dedupes[] = {"none", "redelivery", "content", NULL};

#define CONNECTION "Connection"
#define TLS        "TLS"
#define WEBSOCKET  "WebSocket"
#define SESSION    "Session and subscription"
#define MAPPING    "Mapping"
#define DELIVERY   "Delivery"

const weir_option mqtt_options[] = {
    {"mqtt.server.uri", FIELD(uris), .list = true, .group = CONNECTION,
     .doc = "Brokers, tried in order: tcp://host[:port], or ssl:// for TLS; the port is 1883, with "
            "TLS 8883, unless given. Over WebSocket ws://host[:port][/path], or wss:// for TLS; 80 "
            "and 443."},
    {"mqtt.server.failover", FIELD(failover), .fallback = "ordered", .allowed = failovers,
     .importance = WEIR_LOW, .group = CONNECTION,
     .doc = "Order in which brokers are tried: as listed, or random; the one at hand is kept."},
    {"mqtt.version", FIELD(version), .fallback = "auto", .allowed = versions,
     .importance = WEIR_MEDIUM, .group = CONNECTION,
     .doc = "MQTT version; auto means 5, and 3.1.1 where a broker refuses that."},
    {"mqtt.client.id", FIELD(client_id), .fallback = "${connector}-${task}", .group = CONNECTION,
     .doc = "Identity of the session at the broker; ${connector} and ${task} are put in."},
    {"mqtt.username", FIELD(username), .fallback = WEIR_UNSET, .group = CONNECTION,
     .doc = "User name for the broker."},
    {"mqtt.password", FIELD(password), .fallback = WEIR_UNSET, .secret = true, .group = CONNECTION,
     .doc = "Password for the broker."},
    {"mqtt.connect.timeout.seconds", FIELD(connect_timeout_s), .fallback = "30", .min = 1,
     .max = 3600, .importance = WEIR_MEDIUM, .group = CONNECTION,
     .doc = "Time for name lookup, TCP, TLS, WebSocket and the broker's CONNACK together, in "
            "seconds."},
    {"mqtt.keepalive.interval.seconds", FIELD(keepalive_s), .fallback = "60", .min = 0,
     .max = 65535, .importance = WEIR_MEDIUM, .group = CONNECTION,
     .doc = "Silence after which the broker is pinged, in seconds; 0 means never."},
    {"mqtt.ping.timeout.ms", FIELD(ping_timeout_ms), .fallback = "10000", .min = 100,
     .max = 3600000, .importance = WEIR_LOW, .group = CONNECTION,
     .doc = "Time for the answer to a ping before the connection is dropped, in milliseconds."},
    {"mqtt.reconnect.backoff.ms", FIELD(backoff_ms), .fallback = "500", .min = 1, .max = 3600000,
     .importance = WEIR_MEDIUM, .group = CONNECTION,
     .doc = "Longest pause before the first reconnect, in milliseconds; it doubles each time."},
    {"mqtt.reconnect.backoff.max.ms", FIELD(backoff_max_ms), .fallback = "30000", .min = 1,
     .max = 3600000, .importance = WEIR_MEDIUM, .group = CONNECTION,
     .doc = "Longest pause before any reconnect, in milliseconds."},
    {"max.retry.time.ms", FIELD(max_retry_ms), .fallback = "-1", .min = -1, .max = INT64_MAX,
     .importance = WEIR_MEDIUM, .group = CONNECTION,
     .doc = "Outage after which the task fails, in milliseconds; -1 means never."},
    {"startup.error.behavior", FIELD(startup_error), .fallback = "retry", .allowed = startup_errors,
     .importance = WEIR_LOW, .group = CONNECTION,
     .doc = "Whether the first failure to connect is retried or ends the task (error)."},

    {"mqtt.ssl.ca.location", FIELD(ssl.ca), .fallback = WEIR_UNSET, .group = TLS,
     .doc = "CAs that sign brokers' certificates: a PEM file, a PKCS#12 trust store or a "
            "directory; the system's unless given."},
    {"mqtt.ssl.ca.password", FIELD(ssl.ca_password), .fallback = WEIR_UNSET, .secret = true,
     .importance = WEIR_LOW, .group = TLS,
     .doc = "Password of mqtt.ssl.ca.location when that is PKCS#12."},
    {"mqtt.ssl.certificate.location", FIELD(ssl.certificate), .fallback = WEIR_UNSET, .group = TLS,
     .doc = "Client certificate, a PEM file; its chain may follow in it."},
    {"mqtt.ssl.key.location", FIELD(ssl.key), .fallback = WEIR_UNSET, .group = TLS,
     .doc = "Key of the client certificate, a PEM file."},
    {"mqtt.ssl.key.password", FIELD(ssl.key_password), .fallback = WEIR_UNSET, .secret = true,
     .group = TLS, .doc = "Password of mqtt.ssl.key.location when that is encrypted."},
    {"mqtt.ssl.keystore.location", FIELD(ssl.keystore), .fallback = WEIR_UNSET, .group = TLS,
     .doc = "Client certificate and key in one file, PKCS#12 or PEM, instead of the two above."},
    {"mqtt.ssl.keystore.password", FIELD(ssl.keystore_password), .fallback = WEIR_UNSET,
     .secret = true, .group = TLS, .doc = "Password of mqtt.ssl.keystore.location."},
    {"mqtt.ssl.endpoint.identification.algorithm", FIELD(ssl.identification), .fallback = "https",
     .allowed = identifications, .group = TLS,
     .doc = "Whether the broker's certificate has to be for its host (https) or may be for any "
            "(none)."},
    {"mqtt.ssl.protocols", FIELD(ssl.protocols), .fallback = MQTT_TLS_PROTOCOLS, .list = true,
     .importance = WEIR_MEDIUM, .group = TLS, .doc = "Versions of TLS to speak."},
    {"mqtt.ssl.cipher.suites", FIELD(ssl.ciphers), .fallback = WEIR_UNSET, .list = true,
     .importance = WEIR_LOW, .group = TLS,
     .doc = "Cipher suites to offer, by OpenSSL's or the registered names; OpenSSL's own choice "
            "unless given."},
    {"mqtt.ssl.server.name", FIELD(ssl.server_name), .fallback = WEIR_UNSET, .importance = WEIR_LOW,
     .group = TLS,
     .doc = "Name to ask the broker for (SNI) and to find in its certificate; its host unless "
            "given."},
    {"mqtt.ssl.alpn", FIELD(ssl.alpn), .fallback = WEIR_UNSET, .list = true, .importance = WEIR_LOW,
     .group = TLS, .doc = "Protocols to offer by ALPN, such as x-amzn-mqtt-ca on port 443."},

    {"mqtt.ws.path", FIELD(ws.path), .fallback = MQTT_WS_PATH, .importance = WEIR_MEDIUM,
     .group = WEBSOCKET,
     .doc = "Path to ask for, where an address that begins with ws:// or wss:// has none."},
    {"mqtt.ws.headers.", FIELD(ws.headers), .fallback = "", .secret = true, .importance = WEIR_LOW,
     .group = WEBSOCKET,
     .doc = "A header of this name and value in the request that begins a WebSocket, such as "
            "Authorization."},

    {"mqtt.topics", FIELD(topics), .list = true, .group = SESSION,
     .doc = "MQTT topic filters; $share/group/filter is allowed, \"\\,\" is a comma."},
    {"mqtt.connector.topics", FIELD(connector_topics), .fallback = WEIR_UNSET, .list = true,
     .importance = WEIR_LOW, .group = SESSION,
     .doc = "The connector's mqtt.topics, in the config of a task that reads some of them; not to "
            "be given."},
    {"mqtt.qos", FIELD(qos), .fallback = "1", .list = true, .group = SESSION,
     .doc = "QoS asked of the broker, 0 to 2: one for all filters, or one for each."},
    {"mqtt.clean.session.enabled", FIELD(clean), .fallback = "false", .group = SESSION,
     .doc = "Start without a session each time; what arrives in between is then lost."},
    {"mqtt.session.expiry.interval.seconds", FIELD(session_expiry_s), .fallback = "604800",
     .max = 4294967295, .importance = WEIR_MEDIUM, .group = SESSION,
     .doc = "How long a broker keeps the session of a task that is away, in seconds (MQTT 5)."},
    {"mqtt.receive.maximum", FIELD(receive_maximum), .fallback = "0", .max = 65535,
     .importance = WEIR_LOW, .group = SESSION,
     .doc = "Messages a broker may send before the first is acknowledged (MQTT 5); 0: as many as "
            "max.unacked.records."},
    {"mqtt.maximum.packet.size", FIELD(max_packet), .fallback = "0", .max = 268435460,
     .importance = WEIR_MEDIUM, .group = SESSION,
     .doc = "Largest message taken, in bytes, 1024 at least; larger ones are errors "
            "(errors.tolerance). 0: 1048576, without a word to the broker; else an MQTT 5 "
            "broker is told, and discards larger ones."},
    {"mqtt.will.enabled", FIELD(will_enabled), .fallback = "false", .importance = WEIR_LOW,
     .group = SESSION,
     .doc = "Say on mqtt.will.topic whether the task is there: 'online' when it connects, "
            "mqtt.will.payload when it goes, in order or not."},
    {"mqtt.will.topic", FIELD(will_topic), .fallback = WEIR_UNSET, .importance = WEIR_LOW,
     .group = SESSION, .doc = "Topic of that; ${connector} and ${task} are put in."},
    {"mqtt.will.payload", FIELD(will_payload), .fallback = "offline", .importance = WEIR_LOW,
     .group = SESSION, .doc = "What is said about a task that is gone: printable ASCII."},
    {"mqtt.will.qos", FIELD(will_qos), .fallback = "1", .max = 2, .importance = WEIR_LOW,
     .group = SESSION, .doc = "QoS of the will and of 'online'."},
    {"mqtt.will.retained", FIELD(will_retained), .fallback = "true", .importance = WEIR_LOW,
     .group = SESSION, .doc = "Whether the broker keeps the last word about the task."},
    {"mqtt.will.delay.seconds", FIELD(will_delay_s), .fallback = "0", .max = 4294967295,
     .importance = WEIR_LOW, .group = SESSION,
     .doc = "Time to come back before the will is published, in seconds (MQTT 5)."},
    {"mqtt.retain.handling", FIELD(retain), .fallback = "send_if_new", .allowed = retains,
     .importance = WEIR_MEDIUM, .group = SESSION,
     .doc = "Retained messages: with a new subscription, with every connection, or never."},
    {"mqtt.pause.behavior", FIELD(pause), .fallback = "disconnect", .allowed = pause_behaviors,
     .importance = WEIR_LOW, .group = SESSION,
     .doc = "A paused task leaves the broker, which keeps its session (disconnect), or stays "
            "connected and reads nothing (hold)."},
    {"mqtt.session.cleanup.on.delete", FIELD(cleanup), .fallback = "true", .importance = WEIR_LOW,
     .group = SESSION,
     .doc = "When the connector is deleted, end its tasks' sessions at the broker, with what is "
            "queued in them; likewise those of tasks that are too many, once the others have "
            "emptied them."},
    {"mqtt.task.assignment", FIELD(assignment), .fallback = "topics", .allowed = assignments,
     .importance = WEIR_MEDIUM, .group = SESSION,
     .doc = "Several tasks deal out the filters among them (topics), or all read each filter as a "
            "shared subscription (shared), which gives up the order of messages."},
    {"mqtt.share.group", FIELD(share_group), .fallback = "${connector}", .importance = WEIR_LOW,
     .group = SESSION, .doc = "Group of shared subscriptions."},

    {"kafka.topic", FIELD(kafka_topic), .fallback = "mqtt", .group = MAPPING,
     .doc = "Kafka topic; may contain ${topic}, ${topic[1]}, ${topic[-1]}, ${topic[1..3]}, "
            "${filter}, ${qos}, ${user:name}, ${json:/pointer}."},
    {"kafka.topic.rules", FIELD(rules), .fallback = "", .list = true, .importance = WEIR_MEDIUM,
     .group = MAPPING,
     .doc = "Names of rules, tried in this order; the first that matches counts."},
    {"kafka.topic.rules.", FIELD(rule_keys), .fallback = "", .importance = WEIR_MEDIUM,
     .group = MAPPING,
     .doc = "Of a rule n: n.match (a topic filter), n.regex (the whole topic), n.topic and n.key, "
            "which may contain ${re:1}; without the last two kafka.topic and kafka.key hold."},
    {"kafka.topic.max.distinct", FIELD(max_topics), .fallback = "100", .min = 1, .max = INT32_MAX,
     .importance = WEIR_LOW, .group = MAPPING,
     .doc = "Different Kafka topics that the templates of a task may make; a message for one more "
            "is an error."},
    {"kafka.topic.replacement", FIELD(replacement), .fallback = "_", .importance = WEIR_LOW,
     .group = MAPPING, .doc = "Stands for characters a Kafka topic cannot have, such as '/'."},
    {"kafka.key", FIELD(kafka_key), .fallback = "${topic}", .group = MAPPING,
     .doc = "Record key, with the same places as kafka.topic; none means no key."},
    {"kafka.timestamp", FIELD(timestamp), .fallback = "receive", .importance = WEIR_MEDIUM,
     .group = MAPPING,
     .doc = "Record time: receive, none, json:/pointer with :s, :ms, :us or :iso behind it (else a "
            "number is milliseconds, a text ISO 8601), or user:name; missing or absurd: receive."},
    {"kafka.headers.style", FIELD(headers), .fallback = "mqtt", .allowed = header_styles,
     .importance = WEIR_MEDIUM, .group = MAPPING,
     .doc = "Record headers: mqtt.topic and its like, Camel's names, both, or none."},
    {"kafka.headers.include", FIELD(header_include), .fallback = "*", .list = true,
     .importance = WEIR_LOW, .group = MAPPING,
     .doc = "Names of those headers that records get; '*' stands for any characters."},
    {"kafka.headers.exclude", FIELD(header_exclude), .fallback = "", .list = true,
     .importance = WEIR_LOW, .group = MAPPING, .doc = "Names of those that they do not get."},
    {"kafka.headers.static.", FIELD(header_static), .fallback = "", .importance = WEIR_LOW,
     .group = MAPPING, .doc = "A header of this name and value for every record."},
    {"mqtt.payload.format", FIELD(format), .fallback = "bytes", .allowed = formats,
     .group = MAPPING,
     .doc = "What payloads are: bytes, string (UTF-8), json (validated, passed on verbatim), auto: "
            "json, else string, else bytes; or envelope: a JSON object with topic, qos, retain, ts "
            "and payload (payload_b64 when it is not UTF-8)."},

    {"ack.mode", FIELD(ack_mode), .fallback = "kafka", .allowed = ack_modes, .group = DELIVERY,
     .doc = "Acknowledge to the broker when Kafka has the record, or on receipt (may lose)."},
    {"max.unacked.records", FIELD(max_unacked), .fallback = "1024", .min = 1, .max = 65000,
     .importance = WEIR_MEDIUM, .group = DELIVERY,
     .doc = "Messages of QoS 1 and 2 on their way to Kafka at most."},
    {"max.unacked.bytes", FIELD(max_unacked_bytes), .fallback = "67108864", .min = 1,
     .max = INT64_MAX, .importance = WEIR_MEDIUM, .group = DELIVERY,
     .doc = "Payload bytes on their way to Kafka at most."},
    {"records.buffer.queue.size", FIELD(queue_size), .fallback = "50000", .min = 1,
     .max = INT32_MAX, .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "Records on their way to Kafka at most that no acknowledgement waits for."},
    {"records.buffer.queue.max.batch.size", FIELD(batch_size), .fallback = "4096", .min = 1,
     .max = INT32_MAX, .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "Records handed over at one go at most."},
    {"records.buffer.queue.full.timeout", FIELD(full_timeout_ms), .fallback = "60000",
     .max = INT32_MAX, .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "Time without room after which records.buffer.queue.full.policy acts, in "
            "milliseconds; 0 means never."},
    {"records.buffer.queue.full.policy", FIELD(full_policy), .fallback = "block",
     .allowed = full_policies, .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "Then: go on waiting (block) or end the task (fail)."},
    {"dedupe.mode", FIELD(dedupe), .fallback = "redelivery", .allowed = dedupes,
     .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "What is not produced twice: messages that come again and were acknowledged before "
            "(redelivery), also those that dedupe.key says are the same (content), or neither. "
            "What is still on its way to Kafka is never produced twice."},
    {"dedupe.key", FIELD(dedupe_key), .fallback = "${payload}", .importance = WEIR_LOW,
     .group = DELIVERY,
     .doc = "With dedupe.mode=content: messages are the same for which this text is; ${payload} "
            "and the places of kafka.topic."},
    {"dedupe.window.size", FIELD(dedupe_size), .fallback = "1000", .min = 1, .max = 1000000,
     .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "With dedupe.mode=content: messages that are remembered."},
    {"dedupe.window.ms", FIELD(dedupe_ms), .fallback = "60000", .min = 1, .max = INT64_MAX,
     .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "With dedupe.mode=content: how long they are, in milliseconds."},
    {"log.payload.level", FIELD(payload_level), .fallback = "OFF", .allowed = levels,
     .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "Level at which the start of every payload is logged."},
    {"config.unknown.keys", FIELD(unknown_keys), .fallback = "warn", .allowed = unknowns,
     .importance = WEIR_LOW, .group = DELIVERY,
     .doc = "Keys that nobody knows are reported (warn), or the config is refused (error)."},
    {0},
};
