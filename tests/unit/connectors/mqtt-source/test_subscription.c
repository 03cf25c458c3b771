/* test_subscription.c - what is asked of the broker, byte by byte, and what is kept (4.1 point 6).
 */
#include "flat.h"
#include "kept.h"
#include "offsets.h"
#include "stage.h"
#include "subscription.h"

#include "tests/support/unit.h"

static const char *const none[] = {NULL};

/* ---- Flat JSON ----------------------------------------------------------------------------------
 */

typedef struct heard {
    char text[512];
    size_t count;
} heard;

static void hear_pair(void *ctx, const mqtt_flat_pair *pair)
{
    heard *h = ctx;
    size_t used = strlen(h->text);

    h->count++;
    if (pair->kind == MQTT_FLAT_TEXT)
        snprintf(h->text + used, sizeof(h->text) - used, "[%s=%s]", pair->key, pair->text);
    else if (pair->kind == MQTT_FLAT_NUMBER)
        snprintf(h->text + used, sizeof(h->text) - used, "[%s=%lld]", pair->key,
                 (long long)pair->number);
    else
        snprintf(h->text + used, sizeof(h->text) - used, "[%s]", pair->key);
}

static const struct {
    const char *json, *says; /* NULL: not flat */
} flats[] = {
    {"{}", ""},
    {" { } ", ""},
    {"{\"a\":1}", "[a=1]"},
    {" {\n\"a\" : -12 ,\t\"b\" : null , \"c\" : \"d\" } ", "[a=-12][b][c=d]"},
    {"{\"\":\"\"}", "[=]"},
    {"{\"a\\\"b\\\\\\/\\n\":\"\\t\"}", "[a\"b\\/\n=\t]"},
    {"{\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\":0}", "[A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80=0]"},
    {"{\"a\\ud83d\":1}", NULL},
    {"{\"a\\ude00\":1}", NULL},
    {"{\"a\\ud83d\\u0041\":1}", NULL},
    {"{\"a\":\"\\u0000\"}", NULL},
    {"{\"a\":1.5}", NULL},
    {"{\"a\":1e3}", NULL},
    {"{\"a\":true}", NULL},
    {"{\"a\":{}}", NULL},
    {"{\"a\":[]}", NULL},
    {"{\"a\":1", NULL},
    {"{\"a\"}", NULL},
    {"[1]", NULL},
    {"1", NULL},
    {"", NULL},
    {"null", NULL},
};

START_TEST(flat_objects_are_read_and_nothing_else_is)
{
    heard h = {{0}, 0};
    bool good = mqtt_flat_read(flats[_i].json, hear_pair, &h);

    ck_assert_msg(good == (flats[_i].says != NULL), "%s", flats[_i].json);
    if (good)
        ck_assert_str_eq(h.text, flats[_i].says);
}
END_TEST

START_TEST(what_is_written_is_read_again)
{
    mqtt_bytes out = {0};
    heard h = {{0}, 0};

    mqtt_flat_open(&out);
    mqtt_flat_put_text(&out, "x:", "q\"\\\n\x01", "v\"\xc3\xa4");
    mqtt_flat_put_number(&out, "", "n", INT64_MIN);
    mqtt_flat_put_null(&out, "filter:", "a/+/#");
    mqtt_flat_close(&out);
    ck_assert(mqtt_flat_read((const char *)out.data, hear_pair, &h));
    ck_assert_str_eq(h.text, "[x:q\"\\\n\x01=v\"\xc3\xa4][n=-9223372036854775808][filter:a/+/#]");
    mqtt_bytes_free(&out);
}
END_TEST

/* ---- What was kept ------------------------------------------------------------------------------
 */

#define PARTITION "{\"broker\":\"h:1883\",\"client.id\":\"me\"}"

static weir_host keeper(void)
{
    weir_host host = {.size = sizeof(host)};

    offsets_clear();
    offsets_lend(&host);
    return host;
}

static const mqtt_endpoint h1883 = {
    .uri = (char *)"tcp://h", .host = (char *)"h", .port = (char *)"1883"};

static const struct {
    const char *offset;
    bool known;
} strange[] = {
    {NULL, false},
    {"{\"version\":1,\"epoch\":3}", true},
    {"{\"epoch\":3,\"seen\":5,\"filter:a\":1,\"version\":1}", true},
    {"{\"version\":2,\"epoch\":3}", false},
    {"{\"epoch\":3}", false},
    {"{\"version\":\"1\"}", false},
    {"{\"version\":1,\"new\":1}", false}, /* who knows what a later version means by it */
    {"{\"version\":1,\"filter:a\":true}", false},
    {"{\"version\":1,\"filter:a/#/b\":1}", false},
    {"{\"version\":1,\"granted:\":1}", false},
    {"nonsense", false},
};

START_TEST(what_is_not_understood_counts_as_not_kept)
{
    weir_host host = keeper();
    mqtt_kept kept;

    if (strange[_i].offset)
        offsets_put(PARTITION, strange[_i].offset);
    mqtt_kept_load(&kept, &host, "me", &h1883);
    ck_assert_msg(kept.known == strange[_i].known, "%s", strange[_i].offset);
    if (!kept.known) {
        ck_assert_uint_eq(kept.count, 0);
        ck_assert_int_eq(kept.epoch, 0);
        ck_assert_int_eq(kept.seen_unix_ms, -1);
    }
    mqtt_kept_clear(&kept);
    offsets_clear();
}
END_TEST

START_TEST(filters_are_kept_with_what_was_asked_and_what_was_granted)
{
    weir_host host = keeper();
    mqtt_kept kept;

    mqtt_kept_load(&kept, &host, "me", &h1883);
    kept.known = true;
    kept.epoch = 2;
    kept.seen_unix_ms = 1767225600000;
    mqtt_kept_set(&kept, "a/#", 1, 0);
    mqtt_kept_set(&kept, "b", 2, 2);
    mqtt_kept_set(&kept, "c", -1, -1);
    mqtt_kept_store(&kept, &host, false, NULL, 0);
    ck_assert_str_eq(offsets_look(PARTITION),
                     "{\"version\":1,\"epoch\":2,\"seen\":1767225600000,\"filter:a/#\":1,"
                     "\"granted:a/#\":0,\"filter:b\":2,\"filter:c\":null}");
    mqtt_kept_store(&kept, &host, false, NULL, 0); /* nothing new */
    ck_assert_uint_eq(offsets_kept.writes, 1);
    mqtt_kept_clear(&kept);

    mqtt_kept_load(&kept, &host, "me", &h1883);
    ck_assert(kept.known);
    ck_assert_uint_eq(kept.count, 3);
    ck_assert_int_eq(mqtt_kept_find(&kept, "a/#")->asked, 1);
    ck_assert_int_eq(mqtt_kept_find(&kept, "a/#")->granted, 0);
    ck_assert_int_eq(mqtt_kept_find(&kept, "b")->granted, 2);
    ck_assert_int_eq(mqtt_kept_find(&kept, "c")->asked, -1);
    mqtt_kept_forget(&kept, &host);
    ck_assert_ptr_null(offsets_look(PARTITION));
    mqtt_kept_clear(&kept);
    offsets_clear();
}
END_TEST

/* ---- On the wire --------------------------------------------------------------------------------
 */

static stage *keeping(const char *const *more)
{
    stage *s = stage_make(NULL, more);

    offsets_lend(&s->host);
    stage_start(s);
    return s;
}

static const char *partition_of(const stage *s)
{
    static char text[96];

    snprintf(text, sizeof(text), "{\"broker\":\"%s\",\"client.id\":\"unit-0\"}",
             s->uri + strlen("tcp://"));
    return text;
}

/* The rest of a life under another config, at the same address. */
static stage *next_life(stage *old, const char *const *more)
{
    stage *s = stage_make(NULL, more);

    close(s->listener);
    s->listener = old->listener;
    old->listener = -1;
    snprintf(s->uri, sizeof(s->uri), "%s", old->uri);
    shutdown(old->broker, SHUT_WR); /* nobody waits for the broker to hang up */
    stage_free(old);
    offsets_lend(&s->host);
    stage_start(s);
    return s;
}

static size_t read_packet(stage *s, uint8_t *to)
{
    broker_reads(s, to, 2);
    ck_assert_uint_lt(to[1], 128);
    broker_reads(s, to + 2, to[1]);
    return (size_t)to[1] + 2;
}

static void accept_with(stage *s, bool session_present)
{
    uint8_t packet[130];

    read_packet(s, packet);
    ck_assert_uint_eq(packet[0], 0x10);
    broker_says(s, (const uint8_t[]){0x20, 2, session_present, 0}, 4);
}

/* Compares without the packet id, and answers with it. */
static void expect_question(stage *s, const void *want, size_t size, const void *answer,
                            size_t answer_size)
{
    uint8_t packet[130], said[16];

    ck_assert_uint_eq(read_packet(s, packet), size);
    ck_assert_mem_eq(packet, want, 2);
    ck_assert_mem_eq(packet + 4, (const uint8_t *)want + 4, size - 4);
    memcpy(said, answer, answer_size);
    memcpy(said + 2, packet + 2, 2);
    s->now_ms++; /* the socket has rested */
    broker_says(s, said, answer_size);
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static const char *const a_and_b[] = {"mqtt.topics", "a,b", NULL};
static const char *const b_and_c[] = {"mqtt.topics", "b,c", NULL};

/* A first life with filters a and b. */
static stage *with_a_and_b(void)
{
    stage *s;

    offsets_clear();
    s = keeping(a_and_b);
    accept_with(s, false);
    expect_question(s, BYTES(0x82, 10, 0, 0, 0, 1, 'a', 1, 0, 1, 'b', 1),
                    BYTES(0x90, 4, 0, 0, 1, 1));
    until_status(s, "\"state\":\"connected\"");
    return s;
}

START_TEST(only_the_difference_is_asked_for_first_what_comes_then_what_goes)
{
    stage *s = next_life(with_a_and_b(), b_and_c);

    accept_with(s, true);
    expect_question(s, BYTES(0x82, 6, 0, 0, 0, 1, 'c', 1), BYTES(0x90, 3, 0, 0, 1));
    expect_question(s, BYTES(0xa2, 5, 0, 0, 0, 1, 'a'), BYTES(0xb0, 2, 0, 0));
    until_status(s, "\"state\":\"connected\"");
    ck_assert_ptr_nonnull(strstr(status(s), "\"granted_qos\":{\"b\":1,\"c\":1}"));
    ck_assert_ptr_nonnull(strstr(offsets_look(partition_of(s)), "\"filter:b\":1"));
    ck_assert_ptr_null(strstr(offsets_look(partition_of(s)), "\"filter:a\""));
    s = next_life(s, b_and_c);
    accept_with(s, true);
    until_status(s, "\"state\":\"connected\""); /* nothing at all */
    stage_free(s);
}
END_TEST

/* From CONNECT to the answers what is kept says that everything is in doubt. */
START_TEST(what_is_kept_is_in_doubt_while_it_changes)
{
    stage *s = next_life(with_a_and_b(), b_and_c);
    uint8_t packet[130];

    read_packet(s, packet);
    ck_assert_ptr_nonnull(strstr(offsets_look(partition_of(s)), "\"filter:a\":null"));
    ck_assert_ptr_nonnull(strstr(offsets_look(partition_of(s)), "\"filter:b\":null"));
    ck_assert_ptr_nonnull(strstr(offsets_look(partition_of(s)), "\"filter:c\":null"));
    broker_says(s, "\x20\x02\x01\x00", 4);
    expect_question(s, BYTES(0x82, 6, 0, 0, 0, 1, 'c', 1), BYTES(0x90, 3, 0, 0, 1));
    read_packet(s, packet); /* the worker is killed here */
    s = next_life(s, b_and_c);
    accept_with(s, true);
    expect_question(s, BYTES(0x82, 10, 0, 0, 0, 1, 'b', 1, 0, 1, 'c', 1),
                    BYTES(0x90, 4, 0, 0, 1, 1));
    expect_question(s, BYTES(0xa2, 5, 0, 0, 0, 1, 'a'), BYTES(0xb0, 2, 0, 0));
    until_status(s, "\"state\":\"connected\"");
    stage_free(s);
}
END_TEST

/* The broker hangs up, and back-off passes. */
static void break_off(stage *s, const char *says)
{
    close(s->broker);
    s->broker = -1;
    s->now_ms += 10;
    until_status(s, says);
    s->now_ms += 4000;
}

/* The broker has made a new session for a CONNECT whose answer never came, and calls it present. */
START_TEST(a_connect_without_an_answer_puts_the_session_in_doubt)
{
    stage *s = with_a_and_b();
    uint8_t packet[130];

    break_off(s, "the broker closed the connection\"");
    read_packet(s, packet); /* and no word */
    break_off(s, "instead of answering CONNECT");
    accept_with(s, true);
    expect_question(s, BYTES(0x82, 10, 0, 0, 0, 1, 'a', 1, 0, 1, 'b', 1),
                    BYTES(0x90, 4, 0, 0, 1, 1));
    until_status(s, "\"state\":\"connected\"");
    stage_free(s);
}
END_TEST

START_TEST(a_refusal_puts_nothing_in_doubt)
{
    stage *s = with_a_and_b();
    uint8_t packet[130];

    break_off(s, "closed the connection");
    read_packet(s, packet);
    broker_says(s, "\x20\x02\x00\x03", 4);
    break_off(s, "refuses the connection");
    accept_with(s, true);
    until_status(s, "\"state\":\"connected\"");
    stage_free(s);
}
END_TEST

START_TEST(with_every_connection_means_every_connection)
{
    static const char *const always[] = {"mqtt.topics", "a,b", "mqtt.retain.handling", "send",
                                         NULL};
    stage *s = next_life(with_a_and_b(), always);

    accept_with(s, true);
    expect_question(s, BYTES(0x82, 10, 0, 0, 0, 1, 'a', 1, 0, 1, 'b', 1),
                    BYTES(0x90, 4, 0, 0, 1, 1));
    until_status(s, "\"state\":\"connected\"");
    stage_free(s);
}
END_TEST

START_TEST(an_answer_for_another_number_of_filters_ends_the_connection)
{
    stage *s = next_life(with_a_and_b(), b_and_c);

    accept_with(s, true);
    expect_question(s, BYTES(0x82, 6, 0, 0, 0, 1, 'c', 1), BYTES(0x90, 4, 0, 0, 1, 1));
    until_status(s, "another number of filters");
    stage_free(s);
}
END_TEST

START_TEST(a_session_nobody_knows_of_is_subscribed_whole)
{
    stage *s;

    offsets_clear();
    s = keeping(none);
    accept_with(s, true);
    expect_question(s, BYTES(0x82, 6, 0, 0, 0, 1, 't', 1), BYTES(0x90, 3, 0, 0, 1));
    until_status(s, "\"state\":\"connected\"");
    ck_assert_ptr_nonnull(strstr(status(s), "\"possible_gap_since\":null"));
    stage_free(s);
}
END_TEST

/* ---- Several brokers: one session or several, who knows
 * ------------------------------------------
 */

static void to_nobody(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    (void)level;
    (void)key;
    (void)text;
}

START_TEST(a_new_session_at_one_broker_puts_the_others_in_doubt)
{
    static const char *const pairs[] = {
        "mqtt.server.uri", "tcp://h,tcp://other", "mqtt.topics", "a", "mqtt.client.id", "me", NULL};
    mqtt_findings findings = {.note = to_nobody};
    weir_host host = keeper();
    mqtt_subscription *subscription;
    mqtt_settings settings;
    mqtt_setup *setup;
    int64_t since;

    fill(&settings, pairs);
    offsets_put(PARTITION,
                "{\"version\":1,\"epoch\":1,\"seen\":7000,\"filter:a\":1,\"filter:b\":1}");
    setup = mqtt_setup_new(&settings, "unit", 0, &findings);
    subscription = mqtt_subscription_new(&host, setup);
    mqtt_subscription_connecting(subscription, 1);
    ck_assert(mqtt_subscription_connected(subscription, false, 9000, &since));
    ck_assert_int_eq(since, 7000); /* when the session at the first was last there */
    ck_assert_str_eq(offsets_look(PARTITION), "{\"version\":1,\"epoch\":1,\"seen\":7000,"
                                              "\"filter:a\":null,\"filter:b\":null}");
    ck_assert(!mqtt_subscription_done(subscription));
    mqtt_subscription_free(subscription);
    mqtt_setup_free(setup);
    offsets_clear();
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

WEIR_UNIT_MAIN(
    "mqtt-source subscription",
    tcase_add_loop_test(tests, flat_objects_are_read_and_nothing_else_is, 0, ROWS(flats));
    tcase_add_test(tests, what_is_written_is_read_again);
    tcase_add_loop_test(tests, what_is_not_understood_counts_as_not_kept, 0, ROWS(strange));
    tcase_add_test(tests, filters_are_kept_with_what_was_asked_and_what_was_granted);
    tcase_add_test(tests, only_the_difference_is_asked_for_first_what_comes_then_what_goes);
    tcase_add_test(tests, what_is_kept_is_in_doubt_while_it_changes);
    tcase_add_test(tests, a_connect_without_an_answer_puts_the_session_in_doubt);
    tcase_add_test(tests, a_refusal_puts_nothing_in_doubt);
    tcase_add_test(tests, with_every_connection_means_every_connection);
    tcase_add_test(tests, an_answer_for_another_number_of_filters_ends_the_connection);
    tcase_add_test(tests, a_session_nobody_knows_of_is_subscribed_whole);
    tcase_add_test(tests, a_new_session_at_one_broker_puts_the_others_in_doubt);)
