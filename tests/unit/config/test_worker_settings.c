/* test_worker_settings.c - a worker starts with settings that make sense, or says why not. */
#include "base/buf.h"
#include "base/mem.h"
#include "config/client_translate.h"
#include "config/worker_settings.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Enough to start. */
static const char minimal[] = "bootstrap.servers=k1:9092,k2:9092\n"
                              "group.id=g\n"
                              "config.storage.topic=g-configs\n"
                              "offset.storage.topic=g-offsets\n"
                              "status.storage.topic=g-status\n"
                              "key.converter=org.apache.kafka.connect.storage.StringConverter\n"
                              "value.converter=org.apache.kafka.connect.json.JsonConverter\n";

typedef struct reading {
    weir_code code;
    weir_worker_settings *settings;
    weir_err err;
    char *log;
} reading;

/* Reads the minimal file with `more` behind it; what was logged is kept. */
static reading read_with(const char *more, const char *const *environment)
{
    char path[] = "/tmp/weir-worker-XXXXXX";
    reading got = {.err = {.msg = ""}};
    weir_buf text = WEIR_BUF;
    int fd = mkstemp(path), ends[2];
    ssize_t n;

    ck_assert_int_ge(fd, 0);
    weir_buf_format(&text, "%s%s\n", minimal, more);
    ck_assert_int_eq(write(fd, text.data, text.size), (ssize_t)text.size);
    close(fd);
    weir_buf_clear(&text);
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    weir_log_to(ends[1]);
    got.code = weir_worker_settings_read(path, environment, &got.settings, &got.err);
    weir_log_to(STDOUT_FILENO);
    weir_log_setup(WEIR_INFO, WEIR_LOG_LOGFMT);
    close(ends[1]);
    while ((n = read(ends[0], weir_buf_reserve(&text, 4096), 4096)) > 0)
        text.size += (size_t)n;
    close(ends[0]);
    weir_buf_char(&text, '\0');
    got.log = weir_buf_take(&text);
    unlink(path);
    return got;
}

static void done(reading *got)
{
    weir_worker_settings_free(got->settings);
    free(got->log);
}

START_TEST(a_minimal_file_has_sensible_defaults)
{
    reading got = read_with("rest.advertised.host.name=w1\n", NULL);
    const weir_worker_settings *s = got.settings;

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_str_eq(got.log, "");
    ck_assert_str_eq(s->bootstrap_servers, "k1:9092,k2:9092");
    ck_assert_str_eq(s->group_id, "g");
    ck_assert_ptr_null(s->client_id);
    ck_assert_str_eq(s->config_topic, "g-configs");
    ck_assert_int_eq(s->config_replication, 3);
    ck_assert_int_eq(s->offset_partitions, 25);
    ck_assert_int_eq(s->status_partitions, 5);
    ck_assert_ptr_null(s->plugin_path);
    ck_assert_str_eq(s->header_converter, "org.apache.kafka.connect.storage.SimpleHeaderConverter");
    ck_assert_int_eq(s->session_timeout_ms, 6000);
    ck_assert_int_eq(s->heartbeat_interval_ms, 500);
    ck_assert_int_eq(s->rebalance_timeout_ms, 60000);
    ck_assert_int_eq(s->rebalance_delay_ms, 0);
    ck_assert_int_eq(s->graceful_shutdown_ms, 5000);
    ck_assert_int_eq(s->rest_request_timeout_ms, 90000);
    ck_assert(!s->rest_comments);
    ck_assert(s->rest_status_details);
    ck_assert_str_eq(s->override_policy, "All");
    ck_assert_str_eq(s->listen_host, "");
    ck_assert_uint_eq(s->listen_port, 8083);
    ck_assert_str_eq(s->worker_id, "w1:8083");
    ck_assert_str_eq(s->url, "http://w1:8083/");
    ck_assert_str_eq(weir_props_get(&s->props, "group.id"), "g");
    done(&got);
}
END_TEST

/* ---- Name and listener --------------------------------------------------------------------------
 */

static const struct {
    const char *more, *host;
    int port;
    const char *worker_id; /* "@": this machine's name */
} named[] = {
    {"listeners=http://10.0.0.7:80", "10.0.0.7", 80, "10.0.0.7:80"},
    {"listeners=HTTP://w:8083/", "w", 8083, "w:8083"},
    {"listeners=http://:9", "", 9, "@:9"},
    {"listeners=http://0.0.0.0:8083", "0.0.0.0", 8083, "@:8083"},
    {"listeners=http://[::]:8083", "::", 8083, "@:8083"},
    {"listeners=http://[::1]:8083", "::1", 8083, "[::1]:8083"},
    {"listeners=http://[::1]:8083\nrest.advertised.host.name=fe80::2", "::1", 8083,
     "[fe80::2]:8083"},
    {"listeners=http://[::1]:8083\nrest.advertised.host.name=[fe80::2]", "::1", 8083,
     "[fe80::2]:8083"},
    {"listeners=http://a:1\nrest.advertised.host.name=b", "a", 1, "b:1"},
    {"listeners=http://a:1\nrest.advertised.port=2", "a", 1, "a:2"},
    {"listeners=http://a:1\nrest.advertised.host.name=b\nrest.advertised.port=2", "a", 1, "b:2"},
    {"listeners=http://a:1\nrest.advertised.host.name=", "a", 1, "a:1"},
    {"listeners=https://a:1,http://b:2", "b", 2, "b:2"},
    {"listeners=http://a:1, http://b:2", "a", 1, "a:1"},
};

START_TEST(a_worker_is_named_after_where_it_is_reached)
{
    reading got = read_with(named[_i].more, NULL);
    char machine[256] = "", *id;

    ck_assert_int_eq(gethostname(machine, sizeof(machine)), 0);
    id = *named[_i].worker_id == '@' ? weir_format("%s%s", machine, named[_i].worker_id + 1)
                                     : weir_strdup(named[_i].worker_id);
    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_str_eq(got.settings->listen_host, named[_i].host);
    ck_assert_uint_eq(got.settings->listen_port, named[_i].port);
    ck_assert_str_eq(got.settings->worker_id, id);
    free(id);
    id = weir_format("http://%s/", got.settings->worker_id);
    ck_assert_str_eq(got.settings->url, id);
    free(id);
    done(&got);
}
END_TEST

/* ---- Refusals
 * ------------------------------------------------------------------------------------ */

#define NOT_A_LISTENER "Listener doesn't have the right format (protocol://hostname:port)."

static const struct {
    const char *more, *says;
} refused[] = {
    {"session.timeout.ms=soon",
     "Invalid value soon for configuration session.timeout.ms: Not a number of type INT"},
    {"session.timeout.ms=1000",
     "Invalid value 1000 for configuration session.timeout.ms: Value must be at least 2000"},
    {"heartbeat.interval.ms=6000", "Invalid value 6000 for configuration heartbeat.interval.ms: "
                                   "must be less than session.timeout.ms, which is 6000"},
    {"rebalance.timeout.ms=5999", "Invalid value 5999 for configuration rebalance.timeout.ms: must "
                                  "be at least session.timeout.ms, which is 6000"},
    {"scheduled.rebalance.max.delay.ms=-1", "Value must be at least 0"},
    {"offset.storage.partitions=0", "Invalid value 0 for configuration offset.storage.partitions: "
                                    "Value must be at least 1, or -1 for the broker's"},
    {"status.storage.partitions=-2", "Value must be at least -1"},
    {"config.storage.replication.factor=0", "configuration config.storage.replication.factor"},
    {"offset.storage.replication.factor=40000", "Value must be no more than 32767"},
    {"status.storage.replication.factor=0", "configuration status.storage.replication.factor"},
    {"group.id=", "Invalid value  for configuration group.id: String must be non-empty"},
    {"bootstrap.servers= ", "for configuration bootstrap.servers: String must be non-empty"},
    {"key.converter=", "for configuration key.converter: String must be non-empty"},
    {"offset.storage.topic=g-configs", "Invalid value g-configs for configuration "
                                       "offset.storage.topic: must differ from "
                                       "config.storage.topic"},
    {"status.storage.topic=g-configs", "must differ from config.storage.topic"},
    {"status.storage.topic=g-offsets", "must differ from offset.storage.topic"},
    {"listeners=", "Invalid value  for configuration listeners: weir serves http only"},
    {"listeners=https://:8443", "Invalid value https://:8443 for configuration listeners: weir "
                                "serves http only"},
    {"listeners=:8083", "Invalid value :8083 for configuration listeners: " NOT_A_LISTENER},
    {"listeners=ftp://:8083", "Listener protocol must be either \"http\" or \"https\"."},
    {"listeners=http://a", "port from 1 to 65535"},
    {"listeners=http://a:", "port from 1 to 65535"},
    {"listeners=http://a:0", "port from 1 to 65535"},
    {"listeners=http://a:65536", "port from 1 to 65535"},
    {"listeners=http://a:123456", "port from 1 to 65535"},
    {"listeners=http://a:80x", "port from 1 to 65535"},
    {"listeners=http://::1:80", "port from 1 to 65535"},
    {"rest.advertised.host.name=http://w:1", "must be a host name or an address"},
    {"rest.advertised.port=65536", "Value must be no more than 65535"},
    {"connector.client.config.override.policy=Most",
     "Invalid value Most for configuration connector.client.config.override.policy: String must be "
     "one of: All, None, Principal"},
    {"log.level=loud", "Invalid value loud for configuration log.level: String must be one of: "
                       "trace, debug, info, warn, error"},
    {"log.format=xml", "String must be one of: logfmt, json"},
    {"rest.json.comments=maybe", "Expected value to be either true or false"},
    {"rest.extension.classes=com.example.Auth",
     "Invalid value com.example.Auth for configuration rest.extension.classes: Java classes cannot "
     "be loaded; remove the key and guard the REST API with a proxy"},
    /* of the clients, said at the start and not when the first task does */
    {"ssl.truststore.location=/t.jks", "ssl.truststore.location: a trust store of type JKS"},
    {"producer.ssl.truststore.location=/t.jks", "producer.ssl.truststore.location: a trust store"},
    {"consumer.sasl.jaas.config=x", "consumer.sasl.jaas.config: the login module must be"},
    {"broken=\\u12", "line 8: \\u is not followed by four hexadecimal digits"},
};

START_TEST(what_makes_no_sense_stops_the_start)
{
    reading got = read_with(refused[_i].more, NULL);

    ck_assert_int_eq(got.code, WEIR_INVALID);
    ck_assert_ptr_null(got.settings);
    ck_assert_msg(strstr(got.err.msg, refused[_i].says), "got: %s", got.err.msg);
    done(&got);
}
END_TEST

static const char *const required[] = {
    "bootstrap.servers",    "group.id",      "config.storage.topic", "offset.storage.topic",
    "status.storage.topic", "key.converter", "value.converter",
};

START_TEST(a_required_key_is_asked_for_in_kafkas_words)
{
    char *variables[WEIR_COUNT(required) + 1] = {NULL}, *says;
    weir_worker_settings *settings = NULL;
    size_t count = 0;
    weir_err err;

    for (size_t i = 0; i < WEIR_COUNT(required); i++)
        if ((int)i != _i) {
            variables[count] = weir_format("CONNECT_%s=x%zu", required[i], i);
            for (char *c = variables[count]; *c != '='; c++)
                *c = *c == '.' ? '_' : *c;
            count++;
        }
    ck_assert_int_eq(
        weir_worker_settings_read(NULL, (const char *const *)variables, &settings, &err),
        WEIR_INVALID);
    says = weir_format("Missing required configuration \"%s\" which has no default value.",
                       required[_i]);
    ck_assert_str_eq(err.msg, says);
    free(says);
    while (count > 0)
        free(variables[--count]);
}
END_TEST

START_TEST(a_missing_file_is_named)
{
    weir_worker_settings *settings = NULL;
    weir_err err;

    ck_assert_int_eq(weir_worker_settings_read("/nowhere/w.properties", NULL, &settings, &err),
                     WEIR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.msg, "'/nowhere/w.properties'"));
    weir_worker_settings_free(NULL);
}
END_TEST

/* ---- Layers, unknown and idle keys
 * ---------------------------------------------------------------- */

START_TEST(the_environment_alone_is_enough_and_wins)
{
    const char *const environment[] = {"CONNECT_GROUP_ID=other", "CONNECT_REST_PORT=8090",
                                       "CONNECT_REST_ADVERTISED_HOST_NAME=w2",
                                       "CONNECT_LOG4J_ROOT_LOGLEVEL=INFO", NULL};
    reading got = read_with("", environment);

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_str_eq(got.settings->group_id, "other");
    ck_assert_str_eq(got.settings->worker_id, "w2:8090");
    ck_assert_str_eq(got.log, "");
    done(&got);
}
END_TEST

static size_t lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static const struct {
    const char *more, *says; /* NULL: nothing is said */
} remarks[] = {
    {"made.up=secretvalue", "level=warn msg=\"unknown property\" key=made.up\n"},
    {"made.up=1\nmade.up=2", "level=warn msg=\"unknown property\" key=made.up\n"},
    {"gruop.id=g", "key=gruop.id"},
    {"offset.flush.interval.ms=10000", NULL},
    {"plugin.discovery=hybrid_warn", "level=info msg=\"property has no effect here\" "
                                     "key=plugin.discovery"},
    {"exactly.once.source.support=enabled", "level=warn"},
    {"exactly.once.source.support=disabled", NULL},
    {"rest.extension.classes=", NULL},
    {"access.control.allow.origin=*", "level=warn"},
    {"access.control.allow.origin=", NULL},
    {"rest.port=8083", "why=\"Kafka Connect 3.0 removed it: write listeners=http://:port\""},
    {"listeners=http://a:1,http://b:2", "level=warn msg=\"listener is not served: weir binds the "
                                        "first http one\" listener=http://b:2"},
    /* what clients, converters and topics understand passes in silence */
    {"security.protocol=SSL\nssl.ca.location=/ca.pem", NULL},
    {"sasl.username=u\nsasl.password=p\nsasl.mechanism=PLAIN", NULL},
    {"producer.linger.ms=1\nconsumer.max.poll.interval.ms=2\nadmin.client.rack=a", NULL},
    {"producer.made.up=1", NULL},
    {"key.converter.schemas.enable=false\nvalue.converter.any=thing", NULL},
    {"config.storage.min.insync.replicas=2\nstatus.storage.segment.bytes=1000000", NULL},
    {"socket.keepalive.enable=true\nreconnect.backoff.ms=50\nretry.backoff.ms=100", NULL},
    {"connections.max.idle.ms=1\nmetadata.max.age.ms=1\nclient.dns.lookup=use_all_dns_ips", NULL},
    {"broker.address.family=v4\ndebug=broker\nstatistics.interval.ms=0", NULL},
    {"listeners.https.ssl.keystore.password=p\nmetrics.context.a=b", NULL},
};

START_TEST(a_key_is_remarked_on_once_or_not_at_all)
{
    reading got = read_with(remarks[_i].more, NULL);

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_uint_eq(lines(got.log), remarks[_i].says ? 1 : 0);
    if (remarks[_i].says)
        ck_assert_msg(strstr(got.log, remarks[_i].says), "got: %s", got.log);
    ck_assert_ptr_null(strstr(got.log, "secretvalue"));
    done(&got);
}
END_TEST

START_TEST(what_the_settings_did_not_know_is_no_news_to_the_clients)
{
    reading got = read_with("made.up.here=1", NULL);

    ck_assert(!weir_client_is_news("made.up.here"));
    ck_assert(weir_client_is_news("made.up.elsewhere"));
    ck_assert(!weir_client_is_news("made.up.elsewhere"));
    done(&got);
}
END_TEST

START_TEST(the_log_speaks_as_it_was_told_from_the_first_line)
{
    reading json = read_with("log.format=json\nmade.up=1", NULL);
    reading quiet = read_with("log.level=ERROR\nmade.up=1", NULL);

    ck_assert_ptr_nonnull(strstr(json.log, "\"level\":\"warn\",\"msg\":\"unknown property\""));
    ck_assert_str_eq(quiet.log, "");
    done(&json);
    done(&quiet);
}
END_TEST

/* ---- Variables
 * ------------------------------------------------------------------------------ */

#define ENV                                                                                        \
    "config.providers=env\nconfig.providers.env.class="                                            \
    "org.apache.kafka.common.config.provider.EnvVarConfigProvider\n"

static const char *const with_secrets[] = {
    "KAFKA_PW=tiger", "PORT=8090", "KAFKA=k9:9092",
    "CONNECT_PRODUCER_SASL_JAAS_CONFIG=org.apache.kafka.common.security.plain.PlainLoginModule "
    "required username=\"u\" password=\"${env:KAFKA_PW}\";",
    NULL};

START_TEST(variables_of_file_and_environment_are_resolved)
{
    reading got = read_with(ENV "listeners=http://w1:${env:PORT}\nsasl.password=${env:KAFKA_PW}\n"
                                "bootstrap.servers=${env:KAFKA},k2:9092\n"
                                "plugin.path=/p/${env:PORT}",
                            with_secrets);
    const weir_props *props;

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    props = &got.settings->props;
    ck_assert_str_eq(got.settings->worker_id, "w1:8090");
    ck_assert_str_eq(got.settings->bootstrap_servers, "k9:9092,k2:9092");
    ck_assert_str_eq(weir_props_get(props, "sasl.password"), "tiger");
    ck_assert_ptr_nonnull(strstr(weir_props_get(props, "producer.sasl.jaas.config"), "\"tiger\""));
    /* read before there are any providers, in Kafka too */
    ck_assert_str_eq(got.settings->plugin_path, "/p/${env:PORT}");
    ck_assert_ptr_null(strstr(got.log, "tiger"));
    done(&got);
}
END_TEST

static const struct {
    const char *more, *says;
    weir_code code;
} unresolvable[] = {
    {ENV "sasl.password=${env:MISSING}",
     "sasl.password: ${env:MISSING}: provider 'env': there is no "
     "environment variable 'MISSING'",
     WEIR_INVALID},
    {ENV "admin.ssl.key.password=${env:MISSING}", "admin.ssl.key.password: ${env:MISSING}",
     WEIR_INVALID},
    {ENV "client.id=${env:a:B}", "client.id: ${env:a:B}: provider 'env': Path is not supported",
     WEIR_FAILED},
    {ENV "session.timeout.ms=${env:KAFKA_PW}",
     "Invalid value ${env:KAFKA_PW} for configuration session.timeout.ms: Not a number",
     WEIR_INVALID},
    {ENV "producer.ssl.truststore.type=${env:KAFKA_PW}\nproducer.ssl.truststore.location=/x",
     "producer.ssl.truststore", WEIR_INVALID},
    {"config.providers=vault\nconfig.providers.vault.class=com.example.Vault",
     "there is no such config provider; there are: org.apache", WEIR_INVALID},
};

START_TEST(what_cannot_be_resolved_is_said_without_secrets)
{
    reading got = read_with(unresolvable[_i].more, with_secrets);

    ck_assert_int_eq(got.code, unresolvable[_i].code);
    ck_assert_msg(strstr(got.err.msg, unresolvable[_i].says), "got: %s", got.err.msg);
    ck_assert_msg(!strstr(got.err.msg, "tiger"), "got: %s", got.err.msg);
    ck_assert_ptr_null(strstr(got.log, "tiger"));
    done(&got);
}
END_TEST

START_TEST(a_variable_that_stays_is_warned_of)
{
    reading got = read_with(ENV "client.id=${env:MISSING}${vault:x}", with_secrets);

    ck_assert_msg(got.code == WEIR_OK, "%s", got.err.msg);
    ck_assert_str_eq(got.settings->client_id, "${env:MISSING}${vault:x}");
    ck_assert_uint_eq(lines(got.log), 1);
    ck_assert_msg(strstr(got.log, "level=warn msg=\"variable stays as it is written\" "
                                  "key=client.id variable=${env:MISSING} why="),
                  "got: %s", got.log);
    done(&got);
}
END_TEST

/* ---- The table itself
 * ------------------------------------------------------------------------------ */

START_TEST(every_option_has_a_group_and_one_sentence)
{
    for (const weir_option *option = weir_worker_options; option->name; option++) {
        ck_assert_msg(option->group && option->doc, "%s", option->name);
        ck_assert_msg(option->doc[strlen(option->doc) - 1] == '.', "%s", option->name);
        ck_assert_msg(weir_option_find(weir_worker_options, option->name) == option, "%s twice",
                      option->name);
        if (weir_option_default(option))
            ck_assert_msg(weir_option_check(option, option->fallback, NULL) == WEIR_OK, "%s",
                          option->name);
    }
}
END_TEST

START_TEST(the_options_print_for_people)
{
    weir_buf out = WEIR_BUF;

    weir_options_print(weir_worker_options, false, &out);
    for (const weir_option *option = weir_worker_options; option->name; option++) {
        ck_assert_msg(strstr(out.data, option->name), "%s", option->name);
        ck_assert_msg(strstr(out.data, option->doc), "%s", option->name);
    }
    weir_buf_free(&out);
}
END_TEST

START_TEST(the_file_to_copy_starts_a_worker)
{
    weir_worker_settings *settings = NULL;
    weir_err err = {.msg = ""};
    int ends[2];
    char byte;

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    weir_log_to(ends[1]);
    ck_assert_msg(weir_worker_settings_read("configs/worker.properties", NULL, &settings, &err) ==
                      WEIR_OK,
                  "%s", err.msg);
    weir_log_to(STDOUT_FILENO);
    ck_assert_msg(read(ends[0], &byte, 1) == -1, "it has a key that is remarked on");
    ck_assert_str_eq(settings->group_id, "connect-cluster");
    close(ends[0]);
    close(ends[1]);
    weir_worker_settings_free(settings);
}
END_TEST

WEIR_UNIT_MAIN(
    "worker_settings", tcase_add_test(tests, a_minimal_file_has_sensible_defaults);
    tcase_add_loop_test(tests, a_worker_is_named_after_where_it_is_reached, 0, WEIR_COUNT(named));
    tcase_add_loop_test(tests, what_makes_no_sense_stops_the_start, 0, WEIR_COUNT(refused));
    tcase_add_loop_test(tests, a_required_key_is_asked_for_in_kafkas_words, 0,
                        WEIR_COUNT(required));
    tcase_add_test(tests, a_missing_file_is_named);
    tcase_add_test(tests, variables_of_file_and_environment_are_resolved);
    tcase_add_loop_test(tests, what_cannot_be_resolved_is_said_without_secrets, 0,
                        WEIR_COUNT(unresolvable));
    tcase_add_test(tests, a_variable_that_stays_is_warned_of);
    tcase_add_test(tests, the_environment_alone_is_enough_and_wins);
    tcase_add_loop_test(tests, a_key_is_remarked_on_once_or_not_at_all, 0, WEIR_COUNT(remarks));
    tcase_add_test(tests, what_the_settings_did_not_know_is_no_news_to_the_clients);
    tcase_add_test(tests, the_log_speaks_as_it_was_told_from_the_first_line);
    tcase_add_test(tests, every_option_has_a_group_and_one_sentence);
    tcase_add_test(tests, the_options_print_for_people);
    tcase_add_test(tests, the_file_to_copy_starts_a_worker);)
