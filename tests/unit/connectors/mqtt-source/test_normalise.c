/* test_normalise.c - JSON written for other connectors means here what its author meant. */
#include "config_host.h"

#include "tests/support/unit.h"

#define CAMEL     "org.apache.camel.kafkaconnector.mqttsource.CamelMqttsourceSourceConnector"
#define CAMEL5    "org.apache.camel.kafkaconnector.mqtt5source.CamelMqtt5sourceSourceConnector"
#define CONFLUENT "io.confluent.connect.mqtt.MqttSourceConnector"
#define LENSES    "io.lenses.streamreactor.connect.mqtt.source.MqttSourceConnector"
#define KAMELET   "camel.kamelet.mqtt-source."

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* The JSON that people post, all of it. */
static const weir_pair camel_json[] = {
    {"name", "mqtt"},
    {"connector.class", CAMEL},
    {"tasks.max", "1"},
    {"topics", "vehicle-data"},
    {"key.converter", "org.apache.kafka.connect.storage.StringConverter"},
    {"value.converter", "org.apache.kafka.connect.json.JsonConverter"},
    {"value.converter.schemas.enable", "false"},
    {KAMELET "brokerUrl", "tcp://localhost:1883"},
    {KAMELET "topic", "/mqtt/test/#"},
    {KAMELET "qos", "1"},
    {KAMELET "clientId", NULL},
    {KAMELET "username", NULL},
    {KAMELET "clean.session.enabled", "true"},
    {KAMELET "connect.timeout.seconds", "30"},
    {KAMELET "keepalive.interval.seconds", "60"},
    {"camel.kamelet.max.retry.time.ms", "30000"},
    {"camel.aggregation.size", "10"},
    {"camel.aggregation.timeout", "5000"},
    {"camel.beans.aggregate", NULL},
    {"camel.error.handler", "default"},
    {"camel.idempotency.enabled", "false"},
    {"camel.idempotency.repository.type", "memory"},
    {"camel.idempotency.expression.type", "body"},
    {"camel.idempotency.memory.dimension", "100"},
    {"camel.idempotency.kafka.topic", "kafka_idempotent_repository"},
    {"camel.map.headers", "true"},
    {"camel.map.properties", "true"},
    {"camel.remove.headers.pattern", NULL},
    {"camel.source.camelMessageHeaderKey", NULL},
    {"camel.source.component", NULL},
    {"camel.source.contentLogLevel", "OFF"},
    {"camel.source.marshal", NULL},
    {"camel.source.unmarshal", NULL},
    {"camel.source.url", NULL},
    {"camel.source.maxBatchPollSize", "1000"},
    {"camel.source.maxNotCommittedRecords", "1024"},
    {"camel.source.maxPollDuration", "1000"},
    {"camel.source.pollingConsumerQueueSize", "1000"},
    {"camel.source.pollingConsumerBlockWhenFull", "true"},
    {"camel.source.pollingConsumerBlockTimeout", "0"},
};

static const struct {
    const char *key, *value;
} camel_result[] = {
    {"connector.class", "mqtt-source"},
    {"tasks.max", "1"},
    {"kafka.topic", "vehicle-data"},
    {"mqtt.server.uri", "tcp://localhost:1883"},
    {"mqtt.client.id", "mqtt-source"},
    {"mqtt.topics", "/mqtt/test/#"},
    {"mqtt.qos", "1"},
    {"mqtt.clean.session.enabled", "true"},
    {"mqtt.connect.timeout.seconds", "30"},
    {"mqtt.keepalive.interval.seconds", "60"},
    {"max.retry.time.ms", "30000"},
    {"kafka.key", "none"},
    {"kafka.headers.style", "both"},
    {"mqtt.payload.format", "auto"},
    {"max.unacked.records", "1024"},
    {"records.buffer.queue.size", "1000"},
    {"records.buffer.queue.max.batch.size", "1000"},
    {"records.buffer.queue.full.timeout", "0"},
    {"records.buffer.queue.full.policy", "block"},
    {"log.payload.level", "OFF"},
    {"name", "mqtt"},
    {"key.converter", "org.apache.kafka.connect.storage.StringConverter"},
    {"value.converter", "org.apache.kafka.connect.json.JsonConverter"},
    {"value.converter.schemas.enable", "false"},
};

static const struct {
    const char *begins, *contains;
} camel_notes[] = {
    {"WARN mqtt.clean.session.enabled", "loses"},
    {"INFO kafka.key", "${topic}"},
    {"WARN camel.aggregation.size", "without an aggregation bean"},
    {"INFO camel.idempotency.enabled", "inactive"},
    {"INFO camel.map.headers", "kafka.headers.style"},
    {"INFO camel.source.maxPollDuration", "no effect"},
    {"INFO mqtt.client.id", "Camel's default"},
    {"INFO kafka.key", "as Camel has it"},
    {"INFO kafka.headers.style", "both"},
    {"INFO mqtt.payload.format", "auto"},
    {"INFO value.converter", "base64"},
    {"WARN mqtt.topics", "first level is empty"},
    {"INFO max.retry.time.ms", "30000"},
};

START_TEST(the_camel_json_posts_unchanged_and_means_what_its_author_meant)
{
    listener *l = listener_new(CAMEL);
    const char *pairs[2 * 64 + 1] = {NULL};
    mqtt_settings settings;

    ck_assert_int_eq(mqtt_normalise(&l->host, camel_json, ROWS(camel_json)), WEIR_DONE);
    for (size_t i = 0; i < ROWS(camel_result); i++) {
        const char *value = result(l, camel_result[i].key);

        ck_assert_msg(value && strcmp(value, camel_result[i].value) == 0, "%s is %s, not %s",
                      camel_result[i].key, value ? value : "absent", camel_result[i].value);
    }
    ck_assert_uint_eq(l->pairs, ROWS(camel_result)); /* and nothing else */
    for (size_t i = 0; i < l->pairs; i++) {
        pairs[2 * i] = l->keys[i];
        pairs[2 * i + 1] = l->values[i];
    }
    fill(&settings, pairs);
    ck_assert_str_eq(settings.ack_mode, "kafka");
    ck_assert_str_eq(settings.dedupe, "redelivery");
    ck_assert_int_eq(mqtt_validate(&l->host, &settings), WEIR_DONE);
    ck_assert_msg(l->errors == 0, "%s", all_notes(l));
    for (size_t i = 0; i < ROWS(camel_notes); i++)
        ck_assert_msg(noted(l, camel_notes[i].begins, camel_notes[i].contains), "no %s … %s in:%s",
                      camel_notes[i].begins, camel_notes[i].contains, all_notes(l));
    ck_assert_int_eq(mqtt_plan(&l->host, &settings, 1), WEIR_DONE);
    ck_assert_uint_eq(l->task_count, 1);
    free(l);
}
END_TEST

START_TEST(normalising_twice_changes_nothing_more)
{
    listener *once = listener_new(CAMEL), *twice = listener_new(CAMEL);
    weir_pair pairs[64];

    mqtt_normalise(&once->host, camel_json, ROWS(camel_json));
    for (size_t i = 0; i < once->pairs; i++)
        pairs[i] = (weir_pair){once->keys[i], once->values[i]};
    mqtt_normalise(&twice->host, pairs, once->pairs);
    ck_assert_uint_eq(once->pairs, twice->pairs);
    for (size_t i = 0; i < once->pairs; i++)
        ck_assert_str_eq(result(twice, once->keys[i]), once->values[i]);
    ck_assert_msg(!twice->errors, "%s", all_notes(twice));
    free(once);
    free(twice);
}
END_TEST

/* One pair in, one pair or one note out. */
static const struct {
    const char *class, *key, *value;
    const char *becomes, *result; /* NULL: nothing is set */
    const char *note, *says;      /* NULL: nothing to say */
} single[] = {
    {"mqtt-source", "kafka.topic", "a", "kafka.topic", "a", NULL, NULL},
    {"mqtt-source", "topics", "a", "topics", "a", NULL, NULL},
    {"mqtt-source", "key.converter", "X", "key.converter", "X", NULL, NULL},
    {"mqtt-source", "mqtt.topics", NULL, NULL, NULL, NULL, NULL},
    {"mqtt-source", "mqtt.ssl.ca.location", "/ca.pem", "mqtt.ssl.ca.location", "/ca.pem", NULL,
     NULL},
    {"mqtt-source", "mqtt.ws.path", "/mqtt", "mqtt.ws.path", "/mqtt", NULL, NULL},
    {"mqtt-source", "mqtt.proxy.uri", "http://p", NULL, NULL, "ERROR mqtt.proxy.uri",
     "not yet supported"},
    {"mqtt-source", "mqtt.ws.headers.a", "b", "mqtt.ws.headers.a", "b", NULL, NULL},
    {"io.confluent.connect.mqtt.MqttSourceConnector", "mqtt.server.uri", "ws://h:9001/mqtt",
     "mqtt.server.uri", "ws://h:9001/mqtt", NULL, NULL},
    {CAMEL, KAMELET "brokerUrl", "wss://h/mqtt", "mqtt.server.uri", "wss://h/mqtt", NULL, NULL},
    {LENSES, "connect.mqtt.hosts", "ws://a:8083/mqtt,tcp://b", "mqtt.server.uri",
     "ws://a:8083/mqtt,tcp://b", NULL, NULL},
    {"mqtt-source", "mqtt.broker", "ws://h:9001", "mqtt.server.uri", "ws://h:9001", NULL, NULL},
    {"mqtt-source", "kafka.topic.rules.a.match", "x", "kafka.topic.rules.a.match", "x", NULL, NULL},
    {"mqtt-source", "mqtt.pause.behavior", "hold", "mqtt.pause.behavior", "hold", NULL, NULL},
    {"mqtt-source", "records.buffer.queue.empty.timeout", "100", NULL, NULL,
     "INFO records.buffer.queue.empty.timeout", "no effect"},
    {CAMEL, KAMELET "mqtt.qos", "2", "mqtt.qos", "2", NULL, NULL},
    {CAMEL, KAMELET "nonsense", "2", NULL, NULL, "WARN " KAMELET "nonsense", "no effect"},
    {CAMEL, "topics", "a,b", NULL, NULL, "ERROR topics", "give one"},
    {CAMEL, "camel.beans.aggregate", "#class:X", NULL, NULL, "ERROR camel.beans.aggregate", "JVM"},
    {CAMEL, "camel.error.handler", "mine", NULL, NULL, "ERROR camel.error.handler", "default, no"},
    {CAMEL, "camel.error.handler.max.redeliveries", "3", "errors.retry.timeout", "3000", NULL,
     NULL},
    {CAMEL, "camel.error.handler.max.redeliveries", "-1", "errors.retry.timeout", "-1", NULL, NULL},
    {CAMEL, "camel.error.handler.max.redeliveries", "2147483647", "errors.retry.timeout",
     "2147483647000", NULL, NULL},
    {CAMEL, "camel.error.handler.max.redeliveries", "9223372036854775807", NULL, NULL,
     "ERROR camel.error.handler.max.redeliveries", "no whole number"},
    {CAMEL, "camel.error.handler.max.redeliveries", "often", NULL, NULL,
     "ERROR camel.error.handler.max.redeliveries", "no whole number"},
    {CAMEL, "camel.source.camelMessageHeaderKey", "CamelMqttTopic", "kafka.key", "${topic}", NULL,
     NULL},
    {CAMEL, "camel.source.unmarshal", "json", "mqtt.payload.format", "json", NULL, NULL},
    {CAMEL, "camel.source.marshal", "avro", NULL, NULL, "ERROR camel.source.marshal", "json"},
    {CAMEL, "camel.idempotency.repository.type", "kafka", NULL, NULL,
     "ERROR camel.idempotency.repository.type", "memory"},
    {CAMEL, "camel.idempotency.repository.type", "memory", NULL, NULL, NULL, NULL},
    {CAMEL, "camel.idempotency.enabled", "true", "dedupe.mode", "content",
     "WARN camel.idempotency.enabled", "equal readings"},
    {CAMEL, "camel.idempotency.memory.dimension", "7", NULL, NULL, NULL, NULL},
    {CAMEL, "camel.idempotency.kafka.bootstrap.servers", "x", NULL, NULL, NULL, NULL},
    {CAMEL, "camel.error.handler", "no", "errors.retry.timeout", "0", NULL, NULL},
    {CAMEL, "camel.error.handler", "default", NULL, NULL, NULL, NULL},
    {CAMEL, "camel.error.handler.redelivery.delay", "50", "errors.retry.delay.max.ms", "50", NULL,
     NULL},
    {CAMEL, "camel.error.handler.redelivery.delay", "-1", NULL, NULL,
     "ERROR camel.error.handler.redelivery.delay", "milliseconds"},
    {CAMEL, "camel.map.headers", "false", "kafka.headers.style", "none", NULL, NULL},
    {CAMEL, "camel.map.properties", "true", NULL, NULL, "INFO camel.map.properties", "no effect"},
    {CAMEL, "camel.remove.headers.pattern", "Camel.*", NULL, NULL,
     "WARN camel.remove.headers.pattern", "kafka.headers.exclude"},
    {CAMEL, "camel.source.component", "paho", NULL, NULL, "ERROR camel.source.component", "JVM"},
    {CAMEL, "camel.source.url", "paho:t", NULL, NULL, "ERROR camel.source.url", "JVM"},
    {CAMEL, "camel.source.contentLogLevel", "DEBUG", "log.payload.level", "DEBUG", NULL, NULL},
    {CAMEL, "camel.source.pollingConsumerBlockWhenFull", "false",
     "records.buffer.queue.full.policy", "block", "WARN camel.source.pollingConsumerBlockWhenFull",
     "always blocks"},
    {CAMEL, "camel.source.camelMessageHeaderKey", "Other", NULL, NULL,
     "ERROR camel.source.camelMessageHeaderKey", "CamelMqttTopic"},
    {CAMEL, "camel.whatever", "1", NULL, NULL, "WARN camel.whatever", "no effect"},
    {CAMEL, "connector.class", CAMEL, "mqtt.client.id", "mqtt-source", NULL, NULL},
    {CAMEL5, "connector.class", CAMEL5, "mqtt.version", "5", NULL, NULL},
    {CAMEL5, "camel.kamelet.mqtt5-source.topic", "a/b", "mqtt.topics", "a/b", NULL, NULL},
    {CONFLUENT, "mqtt.qos", "0", "mqtt.qos", "0", "INFO mqtt.clean.session.enabled", "false"},
    {CONFLUENT, "confluent.topic.bootstrap.servers", "x", NULL, NULL,
     "INFO confluent.topic.bootstrap.servers", "no effect"},
    {"mqtt-source", "confluent.license", "x", NULL, NULL, "INFO confluent.license", "no effect"},
    {CONFLUENT, "mqtt.username", "", NULL, NULL, NULL, NULL},
    {"mqtt-source", "mqtt.username", "", "mqtt.username", "", NULL, NULL},
    {CONFLUENT, "mqtt.ssl.trust.store.path", "", NULL, NULL, NULL, NULL},
    {CONFLUENT, "mqtt.ssl.trust.store.path", "/a/trust", "mqtt.ssl.ca.location", "/a/trust", NULL,
     NULL},
    {CONFLUENT, "mqtt.ssl.trust.store.password", "changeit", "mqtt.ssl.ca.password", "changeit",
     NULL, NULL},
    {CONFLUENT, "mqtt.ssl.key.store.path", "/a/key.p12", "mqtt.ssl.keystore.location", "/a/key.p12",
     NULL, NULL},
    {CONFLUENT, "mqtt.ssl.key.store.password", "p", "mqtt.ssl.keystore.password", "p", NULL, NULL},
    {CONFLUENT, "mqtt.ssl.key.store.password", "", NULL, NULL, NULL, NULL},
    {CONFLUENT, "kafka.api.key", "x", NULL, NULL, "INFO kafka.api.key", "no effect"},
    {CONFLUENT, "output.data.format", "AVRO", NULL, NULL, "WARN output.data.format",
     "value.converter"},
    {LENSES, "connect.mqtt.hosts", "tcp://h", "mqtt.server.uri", "tcp://h", NULL, NULL},
    {LENSES, "connect.mqtt.username", "u", "mqtt.username", "u", NULL, NULL},
    {LENSES, "connect.mqtt.password", "p", "mqtt.password", "p", NULL, NULL},
    {LENSES, "connect.mqtt.client.id", "i", "mqtt.client.id", "i", NULL, NULL},
    {LENSES, "connect.mqtt.service.quality", "2", "mqtt.qos", "2", NULL, NULL},
    {LENSES, "connect.mqtt.clean", "true", "mqtt.clean.session.enabled", "true", NULL, NULL},
    {LENSES, "connect.mqtt.keep.alive", "1", "mqtt.keepalive.interval.seconds", "1", NULL, NULL},
    {LENSES, "connect.mqtt.keep.alive", "0", "mqtt.keepalive.interval.seconds", "0", NULL, NULL},
    {LENSES, "connect.mqtt.timeout", "3000", "mqtt.connect.timeout.seconds", "3", NULL, NULL},
    {LENSES, "connect.mqtt.timeout", "3 s", NULL, NULL, "ERROR connect.mqtt.timeout",
     "milliseconds"},
    {LENSES, "connect.mqtt.share.replicate", "true", "mqtt.task.assignment", "shared", NULL, NULL},
    {LENSES, "connect.mqtt.share.replicate", "false", NULL, NULL, NULL, NULL},
    {LENSES, "connect.mqtt.log.message", "true", "log.payload.level", "INFO", NULL, NULL},
    {LENSES, "connect.mqtt.error.policy", "NOOP", "errors.tolerance", "all", NULL, NULL},
    {LENSES, "connect.mqtt.error.policy", "THROW", NULL, NULL, NULL, NULL},
    {LENSES, "connect.mqtt.error.policy", "HOPE", NULL, NULL, "ERROR connect.mqtt.error.policy",
     "NOOP, THROW, RETRY"},
    {LENSES, "connect.mqtt.max.retries", "3", NULL, NULL, "INFO connect.mqtt.max.retries",
     "waited out"},
    {LENSES, "connect.mqtt.process.duplicates", "true", NULL, NULL,
     "INFO connect.mqtt.process.duplicates", "dedupe.mode"},
    {LENSES, "connect.mqtt.converter.x", "y", NULL, NULL, "WARN connect.mqtt.converter.x",
     "no effect"},
    {LENSES, "connect.progress.enabled", "true", NULL, NULL, "INFO connect.progress.enabled",
     "no effect"},
    {LENSES, "connect.mqtt.qqos", "1", NULL, NULL, "INFO mqtt.clean.session.enabled", "kept"},
    {"mqtt-source", "mqtt.server_uris", "tcp://h", "mqtt.server.uri", "tcp://h", NULL, NULL},
    {"mqtt-source", "mqtt.broker", "tcp://h", "mqtt.server.uri", "tcp://h", NULL, NULL},
    {"mqtt-source", "mqtt.topic", "a/b", "mqtt.topics", "a/b", NULL, NULL},
    {"mqtt-source", "mqtt.client_id", "i", "mqtt.client.id", "i", NULL, NULL},
    {"mqtt-source", "mqtt.clientID", "i", "mqtt.client.id", "i", NULL, NULL},
    {"mqtt-source", "mqtt.userName", "u", "mqtt.username", "u", NULL, NULL},
    {"mqtt-source", "mqtt.clean_session", "true", "mqtt.clean.session.enabled", "true", NULL, NULL},
    {"mqtt-source", "message_processor_class", "a.B", NULL, NULL, "WARN message_processor_class",
     "JVM"},
};

START_TEST(one_foreign_key_becomes_one_of_ours)
{
    listener *l = listener_new(single[_i].class);
    weir_pair pair = {single[_i].key, single[_i].value};

    mqtt_normalise(&l->host, &pair, 1);
    if (single[_i].becomes)
        ck_assert_msg(result(l, single[_i].becomes) &&
                          strcmp(result(l, single[_i].becomes), single[_i].result) == 0,
                      "%s became %s", single[_i].key,
                      result(l, single[_i].becomes) ? result(l, single[_i].becomes) : "nothing");
    else
        ck_assert_msg(!result(l, single[_i].key), "%s is still there", single[_i].key);
    if (single[_i].note)
        ck_assert_msg(noted(l, single[_i].note, single[_i].says), "no %s in:%s", single[_i].note,
                      all_notes(l));
    else
        ck_assert_msg(l->errors == 0, "%s", all_notes(l));
    free(l);
}
END_TEST

START_TEST(an_alias_must_agree_with_the_canonical_key)
{
    listener *l = listener_new(CAMEL);
    weir_pair same[] = {{"mqtt.topics", "a"}, {KAMELET "topic", "a"}};
    weir_pair other[] = {{"mqtt.topics", "a"}, {KAMELET "topic", "b"}};

    mqtt_normalise(&l->host, same, 2);
    ck_assert_msg(!l->errors, "%s", all_notes(l));
    ck_assert_str_eq(result(l, "mqtt.topics"), "a");
    mqtt_normalise(&l->host, other, 2);
    ck_assert(noted(l, "ERROR " KAMELET "topic", "mqtt.topics"));
    ck_assert_str_eq(result(l, "mqtt.topics"), "a");
    free(l);
}
END_TEST

/* Several pairs together. */
static const struct {
    const char *class;
    weir_pair pairs[6];
    const char *becomes, *result; /* NULL: nothing is set */
    const char *note, *says;      /* NULL: no error */
} together[] = {
    {CAMEL,
     {{"mqtt.topic", "a"}, {KAMELET "topic", "b"}},
     "mqtt.topics",
     "a",
     "ERROR " KAMELET "topic",
     "contradicts mqtt.topic:"},
    {CAMEL, {{"mqtt.topic", "a"}, {KAMELET "topic", "a"}}, "mqtt.topics", "a", NULL, NULL},
    {CAMEL,
     {{"camel.error.handler", "no"}, {"camel.error.handler.max.redeliveries", "9"}},
     "errors.retry.timeout",
     "0",
     "INFO camel.error.handler.max.redeliveries",
     "no effect"},
    {CAMEL,
     {{"camel.error.handler.max.redeliveries", "3"}, {"camel.error.handler.redelivery.delay", "7"}},
     "errors.retry.timeout",
     "21",
     NULL,
     NULL},
    {CAMEL,
     {{"camel.idempotency.enabled", "true"},
      {"camel.idempotency.expression.type", "header"},
      {"camel.idempotency.expression.header", "CamelMqttTopic"}},
     "dedupe.mode",
     "content",
     NULL,
     NULL},
    {CAMEL,
     {{"camel.idempotency.enabled", "true"},
      {"camel.idempotency.expression.type", "header"},
      {"camel.idempotency.expression.header", "Other"}},
     "dedupe.mode",
     "content",
     "ERROR camel.idempotency.expression.header",
     "CamelMqttTopic"},
    {CAMEL,
     {{"camel.idempotency.enabled", "true"}, {"camel.idempotency.expression.type", "moon"}},
     "dedupe.mode",
     "content",
     "ERROR camel.idempotency.expression.type",
     "body, header"},
    {LENSES,
     {{"connect.mqtt.log.message", "true"}, {"log.payload.level", "DEBUG"}},
     "log.payload.level",
     "DEBUG",
     "ERROR connect.mqtt.log.message",
     "contradicts log.payload.level"},
    {"mqtt-source",
     {{"producer.override.linger.ms", "48"}},
     "producer.override.linger.ms",
     "48",
     "WARN producer.override.linger.ms",
     "1024 messages on their way make 20480 a second at most, and 400"},
    {"mqtt-source",
     {{"producer.override.linger.ms", "48"}, {"max.unacked.records", "100"}},
     "max.unacked.records",
     "100",
     "WARN producer.override.linger.ms",
     "100 messages on their way make 2000 a second"},
    {"mqtt-source",
     {{"producer.override.acks", "1"}},
     "producer.override.acks",
     "1",
     "WARN producer.override.acks",
     "may still lose"},
    {"mqtt-source",
     {{"errors.deadletterqueue.topic.name", "a"}, {"kafka.topic", "a"}},
     "kafka.topic",
     "a",
     "ERROR errors.deadletterqueue.topic.name",
     "a topic of their own"},
};

START_TEST(keys_are_read_together)
{
    listener *l = listener_new(together[_i].class);
    size_t count = 0;

    while (together[_i].pairs[count].key)
        count++;
    mqtt_normalise(&l->host, together[_i].pairs, count);
    ck_assert_ptr_nonnull(result(l, together[_i].becomes));
    ck_assert_str_eq(result(l, together[_i].becomes), together[_i].result);
    if (together[_i].note)
        ck_assert_msg(noted(l, together[_i].note, together[_i].says), "no %s in:%s",
                      together[_i].note, all_notes(l));
    ck_assert_msg((l->errors > 0) ==
                      (together[_i].note && strncmp(together[_i].note, "ERROR", 5) == 0),
                  "%s", all_notes(l));
    free(l);
}
END_TEST

/* Nothing to say about a producer that is as it should be, or that nobody waits for. */
static const weir_pair quiet[][3] = {
    {{"producer.override.linger.ms", "5"}},
    {{"producer.override.acks", "all"}},
    {{"producer.override.acks", "-1"}},
    {{"producer.override.linger.ms", "50"}, {"ack.mode", "receive"}},
    {{"producer.override.acks", "0"}, {"ack.mode", "receive"}},
    {{"errors.deadletterqueue.topic.name", ""}, {"kafka.topic", "a"}},
    {{"errors.deadletterqueue.topic.name", "dead"}, {"kafka.topic", "a"}},
};

START_TEST(a_producer_as_it_should_be_is_not_talked_about)
{
    listener *l = listener_new("mqtt-source");
    size_t count = 0;

    while (quiet[_i][count].key)
        count++;
    mqtt_normalise(&l->host, quiet[_i], count);
    ck_assert_msg(l->note_count == 0, "%s", all_notes(l));
    free(l);
}
END_TEST

static const struct {
    const char *kcql;
    const char *topics, *topic, *format, *key; /* NULL: not said */
    const char *error;                         /* NULL: none */
} statements[] = {
    {"INSERT INTO x SELECT * FROM y", "y", "x", NULL, NULL, NULL},
    {"  insert into x select * from /y/+/z ; ", "/y/+/z", "x", NULL, NULL, NULL},
    {"INSERT INTO `x` SELECT * FROM '/y/#'", "/y/#", "x", NULL, NULL, NULL},
    {"INSERT INTO `$` SELECT * FROM `/y/#`", "/y/#", "${topic}", NULL, NULL, NULL},
    {"INSERT INTO x SELECT * FROM a; INSERT INTO x SELECT * FROM b", "a,b", "x", NULL, NULL, NULL},
    {"INSERT INTO x SELECT * FROM y WITHCONVERTER=`a.b.JsonSimpleConverter`", "y", "x", "json",
     NULL, NULL},
    {"INSERT INTO x SELECT * FROM y WITHCONVERTER = `a.b.BytesConverter`", "y", "x", "bytes", NULL,
     NULL},
    {"INSERT INTO x SELECT * FROM y WITHKEY(a.b)", "y", "x", NULL, "${json:/a/b}", NULL},
    {"INSERT INTO x SELECT * FROM $share/g/y", "$share/g/y", "x", NULL, NULL, NULL},
    {"", NULL, NULL, NULL, NULL, "it is empty"},
    {";;", NULL, NULL, NULL, NULL, "it is empty"},
    {"UPSERT INTO x", NULL, NULL, NULL, NULL, "begin with INSERT"},
    {"INSERT INTO", NULL, NULL, NULL, NULL, "understood is"},
    {"INSERT INTO x", NULL, NULL, NULL, NULL, "it ends where SELECT should be"},
    {"INSERT INTO x SELECT a FROM y", NULL, NULL, NULL, NULL, "'a' stands where * should be"},
    {"INSERT INTO x SELECT * FROM", NULL, NULL, NULL, NULL, "before the filter"},
    {"INSERT INTO x SELECT * FROM `y", NULL, NULL, NULL, NULL, "quote is not closed"},
    {"INSERT INTO x SELECT * FROM y WITHCONVERTER", NULL, NULL, NULL, NULL, "= should be"},
    {"INSERT INTO x SELECT * FROM y WITHCONVERTER=`AvroConverter`", NULL, NULL, NULL, NULL,
     "none for JSON"},
    {"INSERT INTO x SELECT * FROM y WITHKEY(a, b)", NULL, NULL, NULL, NULL, "several fields"},
    {"INSERT INTO x SELECT * FROM y WITHKEY(a", NULL, NULL, NULL, NULL, "not closed"},
    {"INSERT INTO x SELECT * FROM y WHERE z", NULL, NULL, NULL, NULL, "more to say"},
    {"INSERT INTO x SELECT * FROM a; INSERT INTO y SELECT * FROM b", NULL, NULL, NULL, NULL,
     "several targets"},
};

static void same_or_absent(const listener *l, const char *key, const char *value)
{
    const char *got = result(l, key);

    ck_assert_msg(value ? got && strcmp(got, value) == 0 : !got, "%s is %s, not %s", key,
                  got ? got : "absent", value ? value : "absent");
}

START_TEST(kcql_names_topic_filters_format_and_key)
{
    listener *l = listener_new(LENSES);
    weir_pair pair = {"connect.mqtt.kcql", statements[_i].kcql};

    mqtt_normalise(&l->host, &pair, 1);
    if (statements[_i].error) {
        ck_assert_msg(noted(l, "ERROR connect.mqtt.kcql", statements[_i].error), "%s",
                      all_notes(l));
        ck_assert_uint_eq(l->errors, 1);
    } else {
        same_or_absent(l, "mqtt.topics", statements[_i].topics);
        same_or_absent(l, "kafka.topic", statements[_i].topic);
        same_or_absent(l, "mqtt.payload.format", statements[_i].format);
        same_or_absent(l, "kafka.key", statements[_i].key);
        ck_assert_msg(!l->errors, "%s", all_notes(l));
    }
    free(l);
}
END_TEST

START_TEST(the_last_of_two_values_counts)
{
    listener *l = listener_new("mqtt-source");
    weir_pair pairs[] = {{"kafka.topic", "a"}, {"kafka.topic", "b"}};

    mqtt_normalise(&l->host, pairs, 2);
    ck_assert_str_eq(result(l, "kafka.topic"), "b");
    free(l);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source normalise",
    tcase_add_test(tests, the_camel_json_posts_unchanged_and_means_what_its_author_meant);
    tcase_add_test(tests, normalising_twice_changes_nothing_more);
    tcase_add_loop_test(tests, one_foreign_key_becomes_one_of_ours, 0, ROWS(single));
    tcase_add_test(tests, an_alias_must_agree_with_the_canonical_key);
    tcase_add_loop_test(tests, keys_are_read_together, 0, ROWS(together));
    tcase_add_loop_test(tests, a_producer_as_it_should_be_is_not_talked_about, 0, ROWS(quiet));
    tcase_add_loop_test(tests, kcql_names_topic_filters_format_and_key, 0, ROWS(statements));
    tcase_add_test(tests, the_last_of_two_values_counts);)
