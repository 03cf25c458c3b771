/* test_normalise.c - JSON written for other connectors means here what its author meant. */
#include "config_host.h"

#include "tests/support/unit.h"

#define CAMEL     "org.apache.camel.kafkaconnector.mqttsource.CamelMqttsourceSourceConnector"
#define CAMEL5    "org.apache.camel.kafkaconnector.mqtt5source.CamelMqtt5sourceSourceConnector"
#define CONFLUENT "io.confluent.connect.mqtt.MqttSourceConnector"
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
    ck_assert_str_eq(settings.tolerance, "none");
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
    {"mqtt-source", "errors.tolerance", "all", "mqtt.errors.tolerance", "all", NULL, NULL},
    {"mqtt-source", "mqtt.ssl.ca.location", "/ca.pem", "mqtt.ssl.ca.location", "/ca.pem", NULL,
     NULL},
    {"mqtt-source", "mqtt.ws.path", "/mqtt", NULL, NULL, "ERROR mqtt.ws.path", "not yet supported"},
    {"mqtt-source", "mqtt.server.failover", "random", NULL, NULL, "WARN mqtt.server.failover",
     "not yet supported"},
    {"mqtt-source", "kafka.topic.rules.a.match", "x", NULL, NULL, "ERROR kafka.topic.rules.a.match",
     "not yet supported"},
    {"mqtt-source", "mqtt.receive.maximum", "10", NULL, NULL, "INFO mqtt.receive.maximum", "3.1.1"},
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
    {CAMEL, "camel.idempotency.enabled", "true", NULL, NULL, "WARN camel.idempotency.enabled",
     "not yet"},
    {CAMEL, "camel.whatever", "1", NULL, NULL, "WARN camel.whatever", "no effect"},
    {CAMEL, "connector.class", CAMEL, "mqtt.client.id", "mqtt-source", NULL, NULL},
    {CAMEL5, "connector.class", CAMEL5, "mqtt.version", "5", NULL, NULL},
    {CAMEL5, "camel.kamelet.mqtt5-source.topic", "a/b", "mqtt.topics", "a/b", NULL, NULL},
    {CONFLUENT, "mqtt.qos", "0", "mqtt.qos", "0", "INFO mqtt.clean.session.enabled", "false"},
    {CONFLUENT, "confluent.topic.bootstrap.servers", "x", NULL, NULL,
     "INFO confluent.topic.bootstrap.servers", "no effect"},
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

START_TEST(the_last_of_two_values_counts)
{
    listener *l = listener_new("mqtt-source");
    weir_pair pairs[] = {{"kafka.topic", "a"}, {"kafka.topic", "b"}};

    mqtt_normalise(&l->host, pairs, 2);
    ck_assert_str_eq(result(l, "kafka.topic"), "b");
    free(l);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source normalise",
               tcase_add_test(tests,
                              the_camel_json_posts_unchanged_and_means_what_its_author_meant);
               tcase_add_test(tests, normalising_twice_changes_nothing_more);
               tcase_add_loop_test(tests, one_foreign_key_becomes_one_of_ours, 0, ROWS(single));
               tcase_add_test(tests, an_alias_must_agree_with_the_canonical_key);
               tcase_add_test(tests, the_last_of_two_values_counts);)
