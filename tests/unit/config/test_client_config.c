/* test_client_config.c - Java's client properties in librdkafka's words, layer by layer.
 *
 * Whatever a build succeeds with is also put before librdkafka itself.
 */
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/client_config.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <string.h>
#include <unistd.h>

#define MAX_SAID 5

#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule required "
#define SCRAM "org.apache.kafka.common.security.scram.ScramLoginModule required "

/* "a=1;b=2;" in the order of the names, so that tables need not know ours. */
static char *shown(const weir_props *props)
{
    weir_buf text = WEIR_BUF;
    const char *last = "";

    for (size_t i = 0; i < props->count; i++) {
        const weir_pair *next = NULL;

        WEIR_PROPS_EACH (pair, props)
            if (strcmp(pair->key, last) > 0 && (!next || strcmp(pair->key, next->key) < 0))
                next = pair;
        weir_buf_format(&text, "%s=%s;", next->key, next->value);
        last = next->key;
    }
    return weir_buf_take(&text);
}

static void librdkafka_accepts(const weir_props *props)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[512];

    WEIR_PROPS_EACH (pair, props) {
        /* A file that is not there is the handle's business, PEM text is parsed at once. */
        if (strstr(pair->key, ".pem") || strcmp(pair->key, "made.up") == 0)
            continue;
        ck_assert_msg(rd_kafka_conf_set(conf, pair->key, pair->value, why, sizeof(why)) ==
                          RD_KAFKA_CONF_OK,
                      "%s=%s: %s", pair->key, pair->value, why);
    }
    rd_kafka_conf_destroy(conf);
}

static void set_all(weir_props *props, const weir_pair *said)
{
    for (; said->key; said++)
        weir_props_set(props, said->key, said->value);
}

/* ---- Translation: all of it said to a producer -------------------------------------------------
 */

static const struct {
    weir_pair said[MAX_SAID + 1]; /* without "producer." */
    const char *becomes;
} translated[] = {
    {{{"acks", "all"}, {"linger.ms", "5"}}, "acks=all;linger.ms=5;"},
    {{{"linger.ms", " 5\t"}}, "linger.ms=5;"},
    {{{"request.required.acks", "1"}}, "acks=1;"},
    {{{"queue.buffering.max.ms", "3"}}, "linger.ms=3;"},
    {{{"delivery.timeout.ms", "2147483647"}}, "message.timeout.ms=2147483647;"},
    {{{"compression.codec", "zstd"}}, "compression.type=zstd;"},
    {{{"compression.gzip.level", "6"}}, "compression.level=6;"},
    {{{"metadata.broker.list", "a:1"}}, "bootstrap.servers=a:1;"},
    {{{"max.in.flight", "5"}}, "max.in.flight.requests.per.connection=5;"},
    {{{"max.request.size", "2097152"}}, "message.max.bytes=2097152;"},
    {{{"buffer.memory", "33554432"}}, "queue.buffering.max.kbytes=32768;"},
    {{{"buffer.memory", "10"}}, "queue.buffering.max.kbytes=1;"},
    {{{"batch.size", "0"}}, "batch.size=1;"},
    {{{"batch.size", "16384"}}, "batch.size=16384;"},
    {{{"send.buffer.bytes", "-1"}}, "socket.send.buffer.bytes=0;"},
    {{{"receive.buffer.bytes", "65536"}}, "socket.receive.buffer.bytes=65536;"},
    {{{"request.timeout.ms", "20000"}}, "request.timeout.ms=20000;"},
    {{{"retries", "2147483647"}}, "retries=2147483647;"},
    {{{"partitioner.class", "org.apache.kafka.clients.producer.internals.DefaultPartitioner"}},
     "partitioner=murmur2_random;"},
    {{{"made.up", "goes through"}}, "made.up=goes through;"},
    {{{"client.rack", ""}}, ""}, /* empty is not said */
    /* without effect */
    {{{"max.block.ms", "1"}, {"key.serializer", "x"}, {"interceptor.classes", "y"}}, ""},
    {{{"default.api.timeout.ms", "1"}, {"ssl.protocol", "TLSv1.3"}, {"sasl.login.class", "z"}}, ""},
    {{{"sasl.login.callback.handler.class", "a"}, {"metric.reporters", ""}}, ""},
    /* TLS */
    {{{"security.protocol", "SSL"}}, "security.protocol=SSL;"},
    {{{"security.protocol", "sasl_ssl"}}, "security.protocol=sasl_ssl;"},
    {{{"ssl.truststore.location", "/ca.pem"}, {"ssl.truststore.type", "PEM"}},
     "ssl.ca.location=/ca.pem;"},
    {{{"ssl.truststore.type", "pem"}, {"ssl.truststore.location", "/ca"}}, "ssl.ca.location=/ca;"},
    {{{"ssl.truststore.location", "/ca.crt"}, {"ssl.truststore.password", "p"}},
     "ssl.ca.location=/ca.crt;"},
    {{{"ssl.truststore.certificates", "PEM"}}, "ssl.ca.pem=PEM;"},
    {{{"ssl.keystore.location", "/k"},
      {"ssl.keystore.type", "PKCS12"},
      {"ssl.keystore.password", "p"}},
     "ssl.keystore.location=/k;ssl.keystore.password=p;"},
    {{{"ssl.keystore.location", "/k.p12"}}, "ssl.keystore.location=/k.p12;"},
    {{{"ssl.keystore.location", "/k.pem"},
      {"ssl.key.password", "p"},
      {"ssl.keystore.password", "q"}},
     "ssl.certificate.location=/k.pem;ssl.key.location=/k.pem;ssl.key.password=p;"},
    {{{"ssl.keystore.certificate.chain", "C"},
      {"ssl.keystore.key", "K"},
      {"ssl.keystore.type", "PEM"}},
     "ssl.certificate.pem=C;ssl.key.pem=K;"},
    {{{"ssl.certificate.location", "/c"}, {"ssl.key.location", "/k"}},
     "ssl.certificate.location=/c;ssl.key.location=/k;"},
    {{{"ssl.endpoint.identification.algorithm", ""}},
     "ssl.endpoint.identification.algorithm=none;"},
    {{{"ssl.endpoint.identification.algorithm", "HTTPS"}},
     "ssl.endpoint.identification.algorithm=https;"},
    {{{"ssl.cipher.suites", "ECDHE-RSA-AES256-GCM-SHA384"}},
     "ssl.cipher.suites=ECDHE-RSA-AES256-GCM-SHA384;"},
    {{{"ssl.truststore.location", ""}, {"ssl.keystore.location", ""}}, ""},
    /* SASL */
    {{{"sasl.mechanism", "PLAIN"},
      {"security.protocol", "SASL_SSL"},
      {"sasl.jaas.config", PLAIN "username=\"alice\" password=\"s3cr=t;\";"}},
     "sasl.mechanism=PLAIN;sasl.password=s3cr=t;;sasl.username=alice;security.protocol=SASL_SSL;"},
    {{{"sasl.mechanism", "SCRAM-SHA-512"},
      {"security.protocol", "SASL_PLAINTEXT"},
      {"sasl.jaas.config", SCRAM "password='p' username='u' ;"}},
     "sasl.mechanism=SCRAM-SHA-512;sasl.password=p;sasl.username=u;"
     "security.protocol=SASL_PLAINTEXT;"},
    {{{"sasl.mechanisms", "PLAIN"},
      {"security.protocol", "SASL_SSL"},
      {"sasl.jaas.config", PLAIN "username=u password=p;"}},
     "sasl.mechanism=PLAIN;sasl.password=p;sasl.username=u;security.protocol=SASL_SSL;"},
    {{{"sasl.jaas.config", PLAIN "username=u password=p;"}}, "sasl.password=p;sasl.username=u;"},
    {{{"sasl.username", "u"}, {"sasl.password", "p"}}, "sasl.password=p;sasl.username=u;"},
    {{{"sasl.kerberos.kinit.cmd", "/usr/bin/kinit"}}, ""},
    {{{"sasl.kerberos.kinit.cmd", "kinit -t %{sasl.kerberos.keytab}"}},
     "sasl.kerberos.kinit.cmd=kinit -t %{sasl.kerberos.keytab};"},
    {{{"sasl.kerberos.service.name", "kafka"}, {"sasl.kerberos.ticket.renew.jitter", "0.05"}},
     "sasl.kerberos.service.name=kafka;"},
};

START_TEST(javas_words_become_librdkafkas)
{
    weir_props worker = WEIR_PROPS, out = WEIR_PROPS;
    weir_err err = {0};
    char *got;

    for (const weir_pair *pair = translated[_i].said; pair->key; pair++) {
        char *key = weir_format("producer.%s", pair->key);

        weir_props_set(&worker, key, pair->value);
        free(key);
    }
    ck_assert_msg(weir_client_config_build(WEIR_CLIENT_PRODUCER, &worker, NULL, &out, &err) ==
                      WEIR_OK,
                  "%s", err.msg);
    got = shown(&out);
    ck_assert_str_eq(got, translated[_i].becomes);
    librdkafka_accepts(&out);
    free(got);
    weir_props_clear(&out);
    weir_props_clear(&worker);
}
END_TEST

static const struct {
    weir_pair said[MAX_SAID + 1];
    const char *names, *says;
} untranslatable[] = {
    {{{"ssl.truststore.location", "/t.jks"}}, "ssl.truststore.location", "ssl.truststore.type=PEM"},
    {{{"ssl.truststore.location", "/t.pem"}, {"ssl.truststore.type", "JKS"}},
     "ssl.truststore.location",
     "of type JKS cannot be read"},
    {{{"ssl.truststore.location", "/t.p12"}}, "ssl.truststore.location", "of type PKCS12"},
    {{{"ssl.keystore.location", "/k.jks"}}, "ssl.keystore.location", "-deststoretype PKCS12"},
    {{{"ssl.keystore.location", "/k"}, {"ssl.keystore.type", "BCFKS"}},
     "ssl.keystore.location",
     "of type BCFKS"},
    {{{"ssl.cipher.suites", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}},
     "ssl.cipher.suites",
     "Write OpenSSL's"},
    {{{"ssl.engine.factory.class", "com.example.Factory"}},
     "ssl.engine.factory.class",
     "ssl.ca.location"},
    {{{"partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"}},
     "partitioner.class",
     "partitioner=random"},
    {{{"buffer.memory", "32 MB"}}, "buffer.memory", "Invalid value 32 MB"},
    {{{"buffer.memory", "99999999999999999999"}}, "buffer.memory", "Not a number of type LONG"},
    {{{"buffer.memory", "-1"}}, "buffer.memory", "must be 0 to"},
    {{{"batch.size", "x"}}, "batch.size", "Not a number"},
    {{{"sasl.jaas.config", PLAIN "username=u;"}}, "sasl.jaas.config", "password="},
    {{{"sasl.jaas.config", PLAIN "username=u password=p"}}, "sasl.jaas.config", "end with ';'"},
    {{{"sasl.jaas.config",
       "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true;"}},
     "sasl.jaas.config",
     "sasl.kerberos.keytab"},
    {{{"sasl.jaas.config",
       "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"}},
     "sasl.jaas.config",
     "sasl.oauthbearer.method=oidc"},
    {{{"sasl.jaas.config", "com.sun.security.auth.module.JndiLoginModule required x=y;"}},
     "sasl.jaas.config",
     "PlainLoginModule"},
    {{{"sasl.jaas.config", PLAIN "username=u password=p;"}, {"security.protocol", "SASL_SSL"}},
     "sasl.jaas.config",
     "does not fit sasl.mechanism=GSSAPI. Write sasl.mechanism=PLAIN"},
    {{{"sasl.jaas.config", SCRAM "username=u password=p;"},
      {"security.protocol", "SASL_SSL"},
      {"sasl.mechanism", "PLAIN"}},
     "sasl.jaas.config",
     "Write sasl.mechanism=SCRAM-SHA-512"},
};

START_TEST(what_has_no_counterpart_is_an_error_that_says_what_to_write)
{
    weir_props worker = WEIR_PROPS, out = WEIR_PROPS;
    char *name = weir_format("producer.%s: ", untranslatable[_i].names);
    weir_err err = {0};

    for (const weir_pair *pair = untranslatable[_i].said; pair->key; pair++) {
        char *key = weir_format("producer.%s", pair->key);

        weir_props_set(&worker, key, pair->value);
        free(key);
    }
    ck_assert_int_eq(weir_client_config_build(WEIR_CLIENT_PRODUCER, &worker, NULL, &out, &err),
                     WEIR_INVALID);
    ck_assert_msg(strncmp(err.msg, name, strlen(name)) == 0, "got: %s", err.msg);
    ck_assert_msg(strstr(err.msg, untranslatable[_i].says), "got: %s", err.msg);
    free(name);
    weir_props_clear(&out);
    weir_props_clear(&worker);
}
END_TEST

/* ---- Layers -----------------------------------------------------------------------------------
 */

static const struct {
    weir_client_kind kind;
    weir_pair worker[MAX_SAID + 1], connector[MAX_SAID + 1];
    const char *becomes;
} layered[] = {
    {WEIR_CLIENT_WORKER, {{"bootstrap.servers", "k:1"}}, {{0}}, "bootstrap.servers=k:1;"},
    {WEIR_CLIENT_WORKER,
     {{"bootstrap.servers", "k:1"}, {"security.protocol", "SSL"}, {"ssl.ca.location", "/ca"}},
     {{0}},
     "bootstrap.servers=k:1;security.protocol=SSL;ssl.ca.location=/ca;"},
    /* What is the worker's own, of a task, or of a converter does not reach a client. */
    {WEIR_CLIENT_WORKER,
     {{"group.id", "g"},
      {"client.id", "c"},
      {"session.timeout.ms", "1"},
      {"listeners", "x"},
      {"log.level", "debug"}},
     {{0}},
     ""},
    {WEIR_CLIENT_WORKER,
     {{"producer.acks", "1"},
      {"consumer.check.crcs", "true"},
      {"admin.debug", "all"},
      {"key.converter.schemas.enable", "false"},
      {"offset.flush.interval.ms", "1"}},
     {{0}},
     ""},
    {WEIR_CLIENT_WORKER,
     {{"config.storage.min.insync.replicas", "2"},
      {"config.providers.a.class", "x"},
      {"listeners.https.ssl.key.password", "p"},
      {"metrics.context.a", "b"},
      {"made.up", "1"}},
     {{0}},
     "made.up=1;"},
    /* Of one role: would change how the worker itself works. */
    {WEIR_CLIENT_WORKER,
     {{"acks", "1"},
      {"auto.offset.reset", "latest"},
      {"request.timeout.ms", "1"},
      {"enable.auto.commit", "true"},
      {"metadata.max.age.ms", "60000"}},
     {{0}},
     "metadata.max.age.ms=60000;"},
    {WEIR_CLIENT_ADMIN,
     {{"security.protocol", "SSL"},
      {"admin.security.protocol", "PLAINTEXT"},
      {"admin.request.timeout.ms", "7000"},
      {"admin.", "no name"}},
     {{0}},
     "security.protocol=PLAINTEXT;socket.timeout.ms=7000;"},
    {WEIR_CLIENT_ADMIN,
     {{"admin.client.rack", "a"}},
     {{"admin.override.client.rack", "b"}, {"producer.override.acks", "1"}},
     "client.rack=b;"},
    /* Task clients inherit the brokers, and nothing else. */
    {WEIR_CLIENT_PRODUCER,
     {{"bootstrap.servers", "k:1"},
      {"security.protocol", "SSL"},
      {"producer.linger.ms", "9"},
      {"client.id", "c"}},
     {{"producer.override.linger.ms", "10"}, {"linger.ms", "11"}},
     "bootstrap.servers=k:1;linger.ms=10;"},
    {WEIR_CLIENT_PRODUCER,
     {{"bootstrap.servers", "k:1"}, {"producer.bootstrap.servers", "k:2"}},
     {{"producer.override.bootstrap.servers", "k:3"}},
     "bootstrap.servers=k:3;"},
    /* The later layer wins under any name. */
    {WEIR_CLIENT_PRODUCER,
     {{"producer.compression.type", "gzip"}},
     {{"producer.override.compression.codec", "lz4"}},
     "compression.type=lz4;"},
    {WEIR_CLIENT_PRODUCER,
     {{"producer.compression.codec", "gzip"}, {"producer.compression.type", "lz4"}},
     {{"producer.override.compression.codec", "zstd"}},
     "compression.type=zstd;"},
    /* A pair understands another one of another layer. */
    {WEIR_CLIENT_PRODUCER,
     {{"producer.ssl.truststore.type", "PEM"}},
     {{"producer.override.ssl.truststore.location", "/x"}},
     "ssl.ca.location=/x;"},
    {WEIR_CLIENT_PRODUCER,
     {{"producer.security.protocol", "SASL_SSL"}, {"producer.sasl.mechanism", "PLAIN"}},
     {{"producer.override.sasl.jaas.config", PLAIN "username=u password=p;"}},
     "sasl.mechanism=PLAIN;sasl.password=p;sasl.username=u;security.protocol=SASL_SSL;"},
    /* A bad value that a later layer replaces does no harm. */
    {WEIR_CLIENT_PRODUCER,
     {{"producer.ssl.truststore.location", "/x.jks"}},
     {{"producer.override.ssl.truststore.location", "/x.pem"}},
     "ssl.ca.location=/x.pem;"},
    {WEIR_CLIENT_PRODUCER, {{0}}, {{"producer.override.acks", NULL}}, ""},
    {WEIR_CLIENT_CONSUMER,
     {{"consumer.auto.offset.reset", "none"},
      {"consumer.fetch.max.wait.ms", "100"},
      {"consumer.max.poll.records", "500"}},
     {{"consumer.override.group.id", "mine"}},
     "auto.offset.reset=error;fetch.wait.max.ms=100;group.id=mine;"},
    {WEIR_CLIENT_CONSUMER,
     {{"consumer.partition.assignment.strategy",
       "org.apache.kafka.clients.consumer.CooperativeStickyAssignor, range"},
      {"consumer.request.timeout.ms", "5000"}},
     {{0}},
     "partition.assignment.strategy=cooperative-sticky,range;socket.timeout.ms=5000;"},
};

START_TEST(the_layers_of_a_client_are_those_of_connect)
{
    weir_props worker = WEIR_PROPS, connector = WEIR_PROPS, out = WEIR_PROPS;
    weir_err err = {0};
    char *got;

    set_all(&worker, layered[_i].worker);
    set_all(&connector, layered[_i].connector);
    ck_assert_msg(weir_client_config_build(layered[_i].kind, &worker,
                                           connector.count ? &connector : NULL, &out,
                                           &err) == WEIR_OK,
                  "%s", err.msg);
    got = shown(&out);
    ck_assert_str_eq(got, layered[_i].becomes);
    librdkafka_accepts(&out);
    free(got);
    weir_props_clear(&out);
    weir_props_clear(&worker);
    weir_props_clear(&connector);
}
END_TEST

static const struct {
    weir_client_kind kind;
    weir_pair connector;
    const char *says;
} refused_layers[] = {
    {WEIR_CLIENT_PRODUCER,
     {"producer.override.ssl.truststore.location", "/x.jks"},
     "producer.override.ssl.truststore.location: a trust store of type JKS"},
    {WEIR_CLIENT_CONSUMER,
     {"consumer.override.auto.offset.reset", "by_duration:P1D"},
     "consumer.override.auto.offset.reset: 'by_duration:P1D' is not supported"},
    {WEIR_CLIENT_CONSUMER,
     {"consumer.override.partition.assignment.strategy",
      "org.apache.kafka.clients.consumer.StickyAssignor"},
     "Write range, roundrobin or cooperative-sticky"},
    {WEIR_CLIENT_PRODUCER,
     {"producer.override.plugin.library.paths", "/tmp/x.so"},
     "producer.override.plugin.library.paths: only the worker's own"},
    {WEIR_CLIENT_PRODUCER,
     {"producer.override.sasl.kerberos.kinit.cmd", "rm -rf %{x}"},
     "only the worker's own"},
    {WEIR_CLIENT_ADMIN,
     {"admin.override.ssl.engine.location", "/tmp/x.so"},
     "only the worker's own"},
};

START_TEST(an_override_is_refused_under_its_whole_name)
{
    weir_props worker = WEIR_PROPS, connector = WEIR_PROPS, out = WEIR_PROPS;
    weir_err err = {0};

    weir_props_set(&connector, refused_layers[_i].connector.key,
                   refused_layers[_i].connector.value);
    ck_assert_int_eq(
        weir_client_config_build(refused_layers[_i].kind, &worker, &connector, &out, &err),
        WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, refused_layers[_i].says), "got: %s", err.msg);
    weir_props_clear(&connector);
    weir_props_clear(&out);
}
END_TEST

/* ---- Policies and secrets ----------------------------------------------------------------------
 */

static const struct {
    const char *policy, *key, *says; /* NULL: allowed */
} policies[] = {
    {"All", "acks", NULL},
    {"all", "acks", NULL},
    {"All", NULL, NULL},
    {"None", NULL, NULL},
    {"None", "linger.ms",
     "The 'None' policy does not allow 'linger.ms' to be overridden in the connector "
     "configuration."},
    {"Principal", "sasl.jaas.config", NULL},
    {"Principal", "sasl.mechanism", NULL},
    {"Principal", "security.protocol", NULL},
    {"principal", "acks",
     "The 'Principal' policy does not allow 'acks' to be overridden in the connector "
     "configuration."},
    {"org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy", "acks",
     "The 'None' policy does not allow 'acks' to be overridden in the connector configuration."},
    {"AllConnectorClientConfigOverridePolicy", "acks", NULL},
    {"Some", "acks",
     "Invalid value Some for configuration connector.client.config.override.policy: String must be "
     "one of: All, None, Principal"},
    {"", NULL,
     "Invalid value  for configuration connector.client.config.override.policy: String must be one "
     "of: All, None, Principal"},
    {"ConnectorClientConfigOverridePolicy", NULL, "Invalid value "},
    {"All", "plugin.library.paths", "No policy allows 'plugin.library.paths' to be overridden"},
};

START_TEST(a_policy_says_which_overrides_are_allowed)
{
    weir_err err = {0};
    weir_code rc = weir_client_override_check(policies[_i].policy, policies[_i].key, &err);

    ck_assert_int_eq(rc, policies[_i].says ? WEIR_INVALID : WEIR_OK);
    if (policies[_i].says)
        ck_assert_msg(strstr(err.msg, policies[_i].says) == err.msg, "got: %s", err.msg);
}
END_TEST

static const struct {
    const char *name;
    bool secret;
} names[] = {
    {"sasl.password", true},
    {"producer.override.sasl.jaas.config", true},
    {"ssl.keystore.key", true},
    {"ssl.key.pem", true},
    {"ssl.key.password", true},
    {"SSL.KEYSTORE.PASSWORD", true},
    {"ssl.truststore.certificates", true},
    {"sasl.oauthbearer.client.secret", true},
    {"sasl.oauthbearer.config", true},
    {"aws.secret.access.key", true},
    {"mqtt.password", true},
    {"basic.auth.user.info", true},
    {"api.token", true},
    {"key.converter", false},
    {"sasl.username", false},
    {"sasl.mechanism", false},
    {"ssl.keystore.location", false},
    {"bootstrap.servers", false},
    {"acks", false},
};

START_TEST(secrets_are_known_by_their_names)
{
    ck_assert_msg(weir_client_property_is_secret(names[_i].name) == names[_i].secret, "%s",
                  names[_i].name);
}
END_TEST

/* Everything written to the log while `worker` becomes every kind of client, twice. */
static char *logged(const weir_props *worker)
{
    weir_buf text = WEIR_BUF;
    int ends[2];
    ssize_t n;

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    weir_log_to(ends[1]);
    for (int i = 0; i < 8; i++) {
        weir_props out = WEIR_PROPS;

        ck_assert_int_eq(weir_client_config_build(i % 4, worker, NULL, &out, NULL), WEIR_OK);
        weir_props_clear(&out);
    }
    weir_log_to(STDOUT_FILENO);
    close(ends[1]);
    while ((n = read(ends[0], weir_buf_reserve(&text, 4096), 4096)) > 0)
        text.size += (size_t)n;
    weir_buf_char(&text, '\0');
    close(ends[0]);
    return weir_buf_take(&text);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

START_TEST(a_key_without_effect_is_said_once_and_without_its_value)
{
    static const weir_pair said[] = {{"batch.num.messages", "secretvalue"},
                                     {"fetch.error.backoff.ms", "1"},
                                     {"producer.value.serializer", "x"},
                                     {"ssl.secure.random.implementation", "x"},
                                     {0}};
    weir_props worker = WEIR_PROPS;
    char *log;

    set_all(&worker, said);
    log = logged(&worker);
    ck_assert_uint_eq(count(log, "\n"), 4);
    ck_assert_uint_eq(count(log, "level=warn"), 4);
    ck_assert_uint_eq(count(log, "key=batch.num.messages why=\"at the top level it is about the "
                                 "worker's own clients; for source tasks put producer. in front"),
                      1);
    ck_assert_uint_eq(count(log, "key=fetch.error.backoff.ms why=\"at the top level it is about "
                                 "the worker's own clients; for sink tasks put consumer."),
                      1);
    ck_assert_uint_eq(count(log, "key=value.serializer why=\"converters do this work\""), 1);
    ck_assert_uint_eq(count(log, "key=ssl.secure.random.implementation"), 1);
    ck_assert_uint_eq(count(log, "secretvalue"), 0);
    free(log);
    weir_props_clear(&worker);
}
END_TEST

WEIR_UNIT_MAIN(
    "client_config",
    tcase_add_loop_test(tests, javas_words_become_librdkafkas, 0, WEIR_COUNT(translated));
    tcase_add_loop_test(tests, what_has_no_counterpart_is_an_error_that_says_what_to_write, 0,
                        WEIR_COUNT(untranslatable));
    tcase_add_loop_test(tests, the_layers_of_a_client_are_those_of_connect, 0, WEIR_COUNT(layered));
    tcase_add_loop_test(tests, an_override_is_refused_under_its_whole_name, 0,
                        WEIR_COUNT(refused_layers));
    tcase_add_loop_test(tests, a_policy_says_which_overrides_are_allowed, 0, WEIR_COUNT(policies));
    tcase_add_loop_test(tests, secrets_are_known_by_their_names, 0, WEIR_COUNT(names));
    tcase_add_test(tests, a_key_without_effect_is_said_once_and_without_its_value);)
