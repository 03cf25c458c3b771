/* test_client.c - handles are made from what the user wrote, or refused in words he can act on. */
#include "kafka/client.h"

#include "base/log.h"
#include "tests/support/c11_threads.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Versions ------------------------------------------------------------------------------ */

static const struct {
    int version;
    weir_code code;
    const char *says; /* in the error or the warning; NULL: silent */
} versions[] = {
    {0x010900ff, WEIR_INCOMPATIBLE, "1.9.0 is too old"},
    {0x020001ff, WEIR_INCOMPATIBLE, "2.0.1 is too old"},
    {0x020002ff, WEIR_OK, "2.11.1 or newer recovers"},
    {0x020100ff, WEIR_OK, "busy consumer"},
    {0x020500ff, WEIR_INCOMPATIBLE, "2.5.0 cannot be used"},
    {0x020503ff, WEIR_OK, "2.11.1 or newer recovers"},
    {0x020600ff, WEIR_INCOMPATIBLE, "2.6.0 cannot be used"},
    {0x020a0001, WEIR_INCOMPATIBLE, "2.10.0 cannot be used"},
    {0x020b00ff, WEIR_OK, "2.11.1 or newer recovers"},
    {0x020b01ff, WEIR_OK, NULL},
    {0x020f00ff, WEIR_OK, NULL},
};

START_TEST(a_version_is_refused_warned_about_or_fine)
{
    const char *warning;
    weir_err err = {.msg = ""};

    ck_assert_int_eq(weir_kafka_judge_version(versions[_i].version, &warning, &err),
                     versions[_i].code);
    if (versions[_i].code != WEIR_OK)
        warning = err.msg;
    if (versions[_i].says)
        ck_assert_msg(warning && strstr(warning, versions[_i].says), "got: %s", warning);
    else
        ck_assert_ptr_null(warning);
}
END_TEST

START_TEST(the_loaded_version_will_do)
{
    weir_err err;

    ck_assert_int_eq(weir_kafka_check_version(&err), WEIR_OK);
}
END_TEST

/* ---- Client ids ---------------------------------------------------------------------------- */

START_TEST(a_client_id_has_at_most_64_bytes)
{
    char id[65], other[65];
    char longest[65], longer[80];

    weir_kafka_client_id("10.0.0.1:8083", id);
    ck_assert_str_eq(id, "10.0.0.1:8083");
    memset(longest, 'x', 64);
    longest[64] = '\0';
    weir_kafka_client_id(longest, id);
    ck_assert_str_eq(id, longest);

    snprintf(longer, sizeof(longer), "%sa", longest);
    weir_kafka_client_id(longer, id);
    ck_assert_uint_eq(strlen(id), 64);
    ck_assert_int_eq(strncmp(id, longest, 47), 0);
    ck_assert_int_eq(id[47], '-');
    longer[64] = 'b'; /* differs only behind what is kept */
    weir_kafka_client_id(longer, other);
    ck_assert_str_ne(id, other);
    weir_kafka_client_id(longer, id);
    ck_assert_str_eq(id, other);
}
END_TEST

START_TEST(a_client_id_is_cut_between_characters)
{
    char name[100] = "", id[65];

    memset(name, 'x', 46);
    for (int i = 0; i < 20; i++)
        strcat(name, "\xc3\xa9");
    weir_kafka_client_id(name, id);
    ck_assert_uint_eq(strlen(id), 63);
    ck_assert_int_eq(id[46], '-');
}
END_TEST

/* ---- Handles ------------------------------------------------------------------------------- */

static void set_up_props(weir_props *props)
{
    *props = (weir_props)WEIR_PROPS;
    weir_props_set(props, "bootstrap.servers", "127.0.0.1:1");
}

static const struct {
    const char *name, *value, *says;
} refused[] = {
    {"linger.ms", "soon", "property 'linger.ms': value 'soon' is not valid"},
    {"acks", "-7", "property 'acks': value '-7'"},
    {"transaction.timeout.ms", "hunter2", "property 'transaction.timeout.ms'"},
    {"ssl.ca.location", "/no/such/file.pem", "ssl.ca.location failed"},
};

START_TEST(a_refused_property_is_named)
{
    weir_props props;
    weir_err err;

    set_up_props(&props);
    weir_props_set(&props, "security.protocol", "ssl");
    weir_props_set(&props, refused[_i].name, refused[_i].value);
    ck_assert_int_eq(weir_kafka_client_check(RD_KAFKA_PRODUCER, &props, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, refused[_i].says), "got: %s", err.msg);
    weir_props_clear(&props);
}
END_TEST

static const char *const secrets[] = {"ssl.key.pem", "ssl.certificate.pem"};

START_TEST(an_error_does_not_quote_a_secret)
{
    weir_props props;
    weir_err err;

    set_up_props(&props);
    weir_props_set(&props, "security.protocol", "ssl");
    weir_props_set(&props, secrets[_i], "hunter2");
    ck_assert_int_eq(weir_kafka_client_check(RD_KAFKA_PRODUCER, &props, &err), WEIR_INVALID);
    ck_assert_msg(!strstr(err.msg, "hunter2"), "got: %s", err.msg);
    weir_props_clear(&props);
}
END_TEST

START_TEST(an_unknown_property_is_no_obstacle)
{
    weir_props props;
    weir_err err;

    set_up_props(&props);
    weir_props_set(&props, "no.such.property", "x");
    ck_assert_int_eq(weir_kafka_client_check(RD_KAFKA_CONSUMER, &props, &err), WEIR_OK);
    ck_assert_int_eq(weir_kafka_client_check(RD_KAFKA_CONSUMER, &props, &err), WEIR_OK);
    weir_props_clear(&props);
}
END_TEST

static void remember_conf(rd_kafka_conf_t *conf, void *ctx)
{
    char value[128];
    size_t size = sizeof(value);

    ck_assert_int_eq(rd_kafka_conf_get(conf, "socket.nagle.disable", value, &size),
                     RD_KAFKA_CONF_OK);
    ck_assert_str_eq(value, "true");
    size = 65;
    ck_assert_int_eq(rd_kafka_conf_get(conf, "client.id", ctx, &size), RD_KAFKA_CONF_OK);
}

START_TEST(a_handle_gets_what_every_handle_needs)
{
    char id[65] = "", long_id[101];
    rd_kafka_t *rk = NULL;
    weir_props props;
    weir_err err;

    memset(long_id, 'i', 100);
    long_id[100] = '\0';
    set_up_props(&props);
    weir_props_set(&props, "client.id", long_id);
    ck_assert_int_eq(weir_kafka_client_new(RD_KAFKA_PRODUCER, &props, remember_conf, id, &rk, &err),
                     WEIR_OK);
    ck_assert_uint_eq(strlen(id), 64);
    ck_assert_ptr_nonnull(rk);
    rd_kafka_destroy(rk);
    weir_props_clear(&props);
}
END_TEST

/* A broker that refuses connections makes librdkafka talk all the time. This test comes first:
 * where all run in one process, an earlier handle may have used up the line. */
START_TEST(a_missing_broker_is_one_line_not_a_flood)
{
    char text[8192] = "";
    const char *at = text;
    rd_kafka_t *rk = NULL;
    weir_props props;
    int ends[2], warnings = 0;
    weir_err err;

    ck_assert_int_eq(pipe(ends), 0);
    weir_log_setup(WEIR_WARN, WEIR_LOG_LOGFMT);
    weir_log_to(ends[1]);
    set_up_props(&props);
    weir_props_set(&props, "reconnect.backoff.ms", "10");
    weir_props_set(&props, "reconnect.backoff.max.ms", "20");
    ck_assert_int_eq(weir_kafka_client_new(RD_KAFKA_PRODUCER, &props, NULL, NULL, &rk, &err),
                     WEIR_OK);
    rd_kafka_poll(rk, 500);
    rd_kafka_destroy(rk);
    weir_log_to(STDOUT_FILENO);
    weir_log_setup(WEIR_INFO, WEIR_LOG_LOGFMT);
    close(ends[1]);
    ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
    close(ends[0]);
    while ((at = strstr(at, "level=warn")) != NULL) {
        at++;
        warnings++;
    }
    ck_assert_msg(warnings >= 1 && warnings <= 2, "%d: %s", warnings, text); /* FAIL, version */
    ck_assert_msg(strstr(text, "refused"), "got: %s", text);
    weir_props_clear(&props);
}
END_TEST

/* ---- Errors -------------------------------------------------------------------------------- */

static const struct {
    rd_kafka_resp_err_t error;
    weir_code code;
} codes[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, WEIR_OK},
    {RD_KAFKA_RESP_ERR__FENCED, WEIR_FENCED},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, WEIR_FENCED},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, WEIR_FENCED},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, WEIR_DENIED},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, WEIR_DENIED},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, WEIR_DENIED},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, WEIR_TIMED_OUT},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, WEIR_TIMED_OUT},
    {RD_KAFKA_RESP_ERR__TRANSPORT, WEIR_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, WEIR_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, WEIR_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, WEIR_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, WEIR_FAILED},
    {RD_KAFKA_RESP_ERR_UNKNOWN, WEIR_FAILED},
    {(rd_kafka_resp_err_t)12345, WEIR_FAILED},
};

START_TEST(librdkafka_s_codes_have_ours)
{
    ck_assert_int_eq(weir_kafka_code(codes[_i].error), codes[_i].code);
}
END_TEST

#define LOOP(test, table)                                                                          \
    tcase_add_loop_test(tests, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

WEIR_UNIT_MAIN("client", tcase_add_test(tests, a_missing_broker_is_one_line_not_a_flood);
               LOOP(a_version_is_refused_warned_about_or_fine, versions);
               tcase_add_test(tests, the_loaded_version_will_do);
               tcase_add_test(tests, a_client_id_has_at_most_64_bytes);
               tcase_add_test(tests, a_client_id_is_cut_between_characters);
               LOOP(a_refused_property_is_named, refused);
               LOOP(an_error_does_not_quote_a_secret, secrets);
               tcase_add_test(tests, an_unknown_property_is_no_obstacle);
               tcase_add_test(tests, a_handle_gets_what_every_handle_needs);
               LOOP(librdkafka_s_codes_have_ours, codes);)
