/* test_dedupe.c - what comes again after it was acknowledged (dedupe.mode=redelivery, R8, R11), and
 * what says the same again (dedupe.mode=content). */
#include "content.h"
#include "fill.h"
#include "receipts.h"
#include "script.h"
#include "slots.h"

#include "tests/support/unit.h"

static script *remembering(void)
{
    mqtt_link_settings settings = script_defaults;

    settings.remember_acked = true;
    return script_new(&settings);
}

/* One new message, delivered and acknowledged. */
static void pass(script *s, uint16_t id, const char *payload)
{
    say_publish(s, 1, false, id, payload);
    feed(s);
    answer(s, s->taken - 1);
    forget_sent(s);
}

/* Messages `from` … 65535 and 1 …, `count` of them, over two seconds. */
static void pass_in_line(script *s, uint16_t from, int count)
{
    for (int i = 0; i < count; i++) {
        pass(s, from, "x");
        from = from == 65535 ? 1 : (uint16_t)(from + 1);
        if (i == 0)
            s->now_ms += 2000;
    }
}

static script *armed(void)
{
    script *s = remembering();

    connected(s, false);
    pass_in_line(s, 1, 10);
    ck_assert(mqtt_link_dedupes(s->link));
    return s;
}

static void reconnected(script *s, bool session_present)
{
    mqtt_link_close(s->link);
    connected(s, session_present);
}

START_TEST(what_was_acknowledged_and_comes_again_is_acknowledged_again_and_not_produced)
{
    script *s = armed();

    say_publish(s, 1, false, 11, "pending");
    feed(s);
    reconnected(s, true);
    say_publish(s, 1, true, 9, "x");
    say_publish(s, 1, true, 10, "x");
    say_publish(s, 1, true, 11, "pending");
    say_publish(s, 1, true, 12, "never seen");
    feed(s);
    ck_assert_uint_eq(s->taken, 12);
    ck_assert_str_eq(s->last_payload, "never seen");
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 9, 10);
    answer(s, 10);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 11);
    ck_assert_uint_eq(mqtt_link_look(s->link)->dup_acked, 2);
    ck_assert_uint_eq(mqtt_link_look(s->link)->dup_known, 3);
    script_free(s);
}
END_TEST

/* An acknowledgement may get lost twice. */
START_TEST(it_is_recognised_on_every_connection_of_the_session)
{
    script *s = armed();

    for (int i = 0; i < 3; i++) {
        reconnected(s, true);
        say_publish(s, 1, true, 10, "x");
        feed(s);
        EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 10);
    }
    ck_assert_uint_eq(s->taken, 10);
    pass(s, 11, "y"); /* … and the ids are still in line */
    ck_assert(mqtt_link_dedupes(s->link));
    script_free(s);
}
END_TEST

/* RabbitMQ: everything comes again under ids from 1 on. Of
 * messages that look alike, 1 … 10 were acknowledged and 11 was not; the next ones were sent and
 * never came. */
START_TEST(ids_that_begin_anew_with_a_connection_say_nothing_about_the_last_one)
{
    script *s = armed();

    say_publish(s, 1, false, 11, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 11);
    reconnected(s, true);
    say_publish(s, 1, true, 1, "x");
    say_publish(s, 1, true, 2, "x");
    say_publish(s, 1, true, 3, "x");
    say_publish(s, 1, true, 11, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 15);
    ck_assert_uint_eq(mqtt_link_look(s->link)->dup_known, 0);
    script_free(s);
}
END_TEST

/* … unless they go on where the last connection has left off: nothing of it was acknowledged. */
START_TEST(the_first_id_may_be_sent_again)
{
    script *s = remembering();

    connected(s, false);
    for (uint16_t id = 1; id <= 3; id++)
        say_publish(s, 1, false, id, "x");
    feed(s);
    reconnected(s, true);
    for (uint16_t id = 1; id <= 4; id++)
        say_publish(s, 1, true, id, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 4);
    ck_assert_uint_eq(mqtt_link_look(s->link)->dup_known, 3);
    script_free(s);
}
END_TEST

static const struct {
    const char *what;
    uint16_t id;
    int qos;
    bool dup, resumed;
    const char *payload;
} others[] = {
    {"DUP=0", 10, 1, false, true, "x"},        {"another id", 11, 1, true, true, "x"},
    {"other content", 10, 1, true, true, "y"}, {"another QoS", 10, 2, true, true, "x"},
    {"session lost", 10, 1, true, false, "x"},
};

START_TEST(anything_else_is_produced)
{
    script *s = armed();

    reconnected(s, others[_i].resumed);
    say_publish(s, others[_i].qos, others[_i].dup, others[_i].id, others[_i].payload);
    feed(s);
    ck_assert_msg(s->taken == 11, "%s", others[_i].what);
    script_free(s);
}
END_TEST

START_TEST(without_the_mode_it_is_produced)
{
    script *s = script_new(NULL);

    connected(s, false);
    pass_in_line(s, 1, 10);
    ck_assert(!mqtt_link_dedupes(s->link));
    reconnected(s, true);
    say_publish(s, 1, true, 10, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 11);
    script_free(s);
}
END_TEST

/* A broker that takes the lowest free id, and a publisher that says 21.5 all day: now one message,
 * now so many at once, acknowledged before the next. */
START_TEST(a_broker_that_takes_the_lowest_free_id_arms_nothing)
{
    static const uint16_t at_once[] = {1, 1, 3, 1, 50, 50, 2, 1, 1, 7, 1};
    script *s = remembering();

    connected(s, false);
    for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++) {
        size_t from = s->taken;

        for (uint16_t id = 1; id <= at_once[i]; id++)
            say_publish(s, 1, false, id, "21.5");
        feed(s);
        mqtt_link_settle(s->link, s->tokens + from, s->taken - from, WEIR_DELIVERED);
        ck_assert(!mqtt_link_dedupes(s->link));
        s->now_ms += 5000;
    }
    reconnected(s, true);
    say_publish(s, 1, true, 1, "21.5"); /* never seen, and equal to what was acknowledged */
    feed(s);
    ck_assert_uint_eq(s->taken, 119);
    script_free(s);
}
END_TEST

START_TEST(a_burst_in_line_is_no_proof_before_its_acknowledgements_can_have_been_read)
{
    script *s = remembering();

    connected(s, false);
    for (uint16_t id = 1; id <= 50; id++)
        pass(s, id, "x");
    ck_assert(!mqtt_link_dedupes(s->link));
    s->now_ms += 999;
    pass(s, 51, "x");
    ck_assert(!mqtt_link_dedupes(s->link));
    s->now_ms += 1;
    pass(s, 52, "x");
    ck_assert(mqtt_link_dedupes(s->link));
    script_free(s);
}
END_TEST

START_TEST(one_id_out_of_line_forgets_everything)
{
    script *s = armed();

    pass(s, 5, "x");
    ck_assert(!mqtt_link_dedupes(s->link));
    s->now_ms += 2000;
    pass(s, 6, "x");
    ck_assert(mqtt_link_dedupes(s->link)); /* in line again, for more than a second */
    reconnected(s, true);
    say_publish(s, 1, true, 4, "x"); /* of before */
    feed(s);
    ck_assert_uint_eq(s->taken, 13);
    script_free(s);
}
END_TEST

START_TEST(ids_go_on_with_1_after_65535)
{
    script *s = remembering();

    connected(s, false);
    pass_in_line(s, 65530, 10);
    ck_assert(mqtt_link_dedupes(s->link));
    reconnected(s, true);
    say_publish(s, 1, true, 65535, "x");
    say_publish(s, 1, true, 1, "x");
    say_publish(s, 1, true, 4, "x");
    say_publish(s, 1, false, 5, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 11);
    ck_assert(mqtt_link_dedupes(s->link));
    script_free(s);
}
END_TEST

/* All ids have gone round, and the first of them names a message of the same content that was sent
 * while the connection broke. */
START_TEST(an_id_that_has_gone_round_names_another_message)
{
    script *s = remembering();
    uint16_t id = 1;

    connected(s, false);
    for (int i = 0; i < 65535; i++) {
        say_publish(s, 1, false, id, "21.5");
        id = id == 65535 ? 1 : (uint16_t)(id + 1);
        if (i % 5000 == 4999 || i == 65534) {
            size_t from = s->taken;

            s->now_ms += 1000;
            feed(s);
            mqtt_link_settle(s->link, s->tokens + from, s->taken - from, WEIR_DELIVERED);
        }
    }
    ck_assert(mqtt_link_dedupes(s->link));
    ck_assert_uint_eq(s->taken, 65535);
    reconnected(s, true);
    say_publish(s, 1, true, 1, "21.5");
    feed(s);
    ck_assert_uint_eq(s->taken, 65536);
    script_free(s);
}
END_TEST

/* What was acknowledged was received first, so it comes again first. */
START_TEST(behind_anything_else_nothing_is_taken_for_acknowledged)
{
    script *s = armed();

    say_publish(s, 1, false, 11, "pending");
    feed(s);
    reconnected(s, true);
    if (_i)
        say_publish(s, 1, true, 11, "pending"); /* adopted */
    else
        say_publish(s, 1, true, 12, "never seen");
    say_publish(s, 1, true, 10, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, _i ? 12 : 13);
    script_free(s);
}
END_TEST

START_TEST(a_message_that_finds_no_room_changes_nothing)
{
    script *s = armed();

    s->room = 0;
    say_publish(s, 1, false, 11, "x");
    feed(s);
    for (int i = 0; i < 3; i++) {
        mqtt_link_retry(s->link);
        work(s);
    }
    s->room = SIZE_MAX;
    mqtt_link_retry(s->link);
    work(s);
    ck_assert_uint_eq(s->taken, 11);
    ck_assert(mqtt_link_dedupes(s->link));
    script_free(s);
}
END_TEST

/* R9: VerneMQ says again every 20 s what is not acknowledged, older EMQX every 30 s. */
START_TEST(a_tenth_repeated_live_makes_no_duplicate_and_one_ack_each)
{
    script *s = remembering();
    char payload[16];
    mqtt_bytes acks = {0};
    int qos = _i;

    connected(s, false);
    for (uint16_t id = 1; id <= 1000; id++) {
        snprintf(payload, sizeof(payload), "%u", id % 7);
        say_publish(s, qos, false, id, payload);
        if (id % 10)
            continue;
        snprintf(payload, sizeof(payload), "%u", (id - 5) % 7);
        say_publish(s, qos, true, (uint16_t)(id - 5), payload);
    }
    feed(s);
    ck_assert_uint_eq(s->taken, 1000);
    ck_assert_uint_eq(mqtt_link_look(s->link)->dup_known, 100);
    for (uint16_t id = 1; id <= 1000; id++)
        mqtt_put_ack(&acks, qos == 1 ? MQTT_TYPE_PUBACK : MQTT_TYPE_PUBREC, id);
    mqtt_link_settle(s->link, s->tokens, 1000, WEIR_DELIVERED);
    collect(s);
    expect_sent(s, MQTT_BROKER, acks.data + acks.start, mqtt_bytes_size(&acks));
    mqtt_bytes_free(&acks);
    script_free(s);
}
END_TEST

START_TEST(another_broker_has_another_session)
{
    script *s = armed();

    say_publish(s, 1, false, 11, "pending");
    feed(s);
    mqtt_link_close(s->link);
    mqtt_link_elsewhere(s->link, true);
    connected(s, true);
    say_publish(s, 1, true, 10, "x");
    say_publish(s, 1, true, 11, "pending");
    feed(s);
    ck_assert_uint_eq(s->taken, 13);
    answer(s, 10); /* of the other session: no acknowledgement here */
    expect_nothing(s);
    script_free(s);
}
END_TEST

/* R8, while Kafka has answered for none of them: their answers free them, one by one. */
START_TEST(orphans_that_wait_for_kafka_give_way_as_it_answers)
{
    script *s = remembering();

    connected(s, false);
    for (unsigned id = 1; id <= 65000; id++)
        say_publish(s, 1, false, (uint16_t)id, "x");
    feed(s);
    reconnected(s, true);
    say_publish(s, 1, false, 65001, "y");
    feed(s);
    ck_assert_uint_eq(s->taken, 65000);
    ck_assert(mqtt_link_look(s->link)->paused);
    answer(s, 64999); /* whichever is first */
    mqtt_link_retry(s->link);
    work(s);
    ck_assert_uint_eq(s->taken, 65001);
    mqtt_link_settle(s->link, s->tokens, 64999, WEIR_DELIVERED);
    expect_nothing(s);
    answer(s, 65000);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 65001);
    script_free(s);
}
END_TEST

/* ---- Content ------------------------------------------------------------------------------------
 */

static mqtt_content *window(const char *key, size_t size, int64_t ms)
{
    char why[192];
    mqtt_content *content = mqtt_content_new(key, size, ms, why, sizeof(why));

    ck_assert_msg(content, "%s", why);
    return content;
}

static bool again(mqtt_content *content, const char *topic, const char *payload, int64_t now_ms)
{
    mqtt_publish publish = {
        .topic = topic,
        .topic_size = strlen(topic),
        .payload = (const uint8_t *)payload,
        .payload_size = strlen(payload),
        .qos = 1,
    };
    bool known = mqtt_content_knows(content, &publish, now_ms);

    if (!known)
        mqtt_content_note(content, now_ms);
    return known;
}

static const struct {
    const char *key, *topic, *payload;
    bool same; /* as 21.5 on a/temperature */
} keys[] = {
    {"${payload}", "b/humidity", "21.5", true},
    {"${payload}", "a/temperature", "21.6", false},
    {"${payload}", "a/temperature", "", false},
    {"${topic}", "a/temperature", "22", true},
    {"${topic}", "b/temperature", "21.5", false},
    {"${topic[-1]}", "b/temperature", "22", true},
    {"${topic}: ${payload}", "a/temperature", "21.5", true},
    {"${topic}: ${payload}", "b/temperature", "21.5", false},
    {"${payload}${payload}", "b/humidity", "21.5", true},
    {"${topic[1]}${payload}", "a2/x", "1.5", true}, /* "a21.5": the text is what counts */
};

START_TEST(what_the_key_says_is_the_same_is_the_same)
{
    mqtt_content *content = window(keys[_i].key, 10, 1000);

    ck_assert(!again(content, "a/temperature", "21.5", 0));
    ck_assert_int_eq(again(content, keys[_i].topic, keys[_i].payload, 0), keys[_i].same);
    mqtt_content_free(content);
}
END_TEST

START_TEST(the_window_ends_with_its_size_and_with_its_time)
{
    mqtt_content *content = window("${payload}", 3, 1000);

    ck_assert(!again(content, "t", "a", 0));
    ck_assert(!again(content, "t", "b", 500));
    ck_assert(again(content, "t", "a", 999));
    ck_assert(!again(content, "t", "a", 1000)); /* a second after the first */
    ck_assert(again(content, "t", "b", 1499));
    ck_assert(!again(content, "t", "c", 1499));
    ck_assert(!again(content, "t", "d", 1499)); /* there is room for three */
    ck_assert(!again(content, "t", "b", 1499));
    ck_assert(!again(content, "t", "a", 1499));
    ck_assert(again(content, "t", "d", 1499));
    mqtt_content_clear(content);
    ck_assert(!again(content, "t", "d", 1499));
    mqtt_content_free(content);
}
END_TEST

START_TEST(a_window_of_any_size_holds_what_it_says)
{
    char text[16];

    for (size_t size = 1; size <= 65; size += 4) {
        mqtt_content *content = window("${payload}", size, 1000);

        for (size_t i = 0; i < 3 * size; i++) {
            snprintf(text, sizeof(text), "%zu", i);
            ck_assert(!again(content, "t", text, 0));
        }
        for (size_t i = 2 * size; i < 3 * size; i++) {
            snprintf(text, sizeof(text), "%zu", i);
            ck_assert(again(content, "t", text, 0));
        }
        mqtt_content_free(content);
    }
}
END_TEST

START_TEST(what_was_asked_about_and_not_taken_is_not_known)
{
    mqtt_content *content = window("${payload}", 3, 1000);
    mqtt_publish publish = {
        .topic = "t", .topic_size = 1, .payload = (const uint8_t *)"a", .payload_size = 1};

    ck_assert(!mqtt_content_knows(content, &publish, 0));
    ck_assert(!mqtt_content_knows(content, &publish, 0)); /* there was no room for it */
    mqtt_content_note(content, 0);
    ck_assert(mqtt_content_knows(content, &publish, 0));
    mqtt_content_free(content);
}
END_TEST

START_TEST(a_message_without_what_the_key_asks_for_is_like_no_other)
{
    static char *const filters[] = {"b/#", "a/#"};
    mqtt_content *content = window("${json:/id}", 3, 1000);

    ck_assert(!again(content, "t", "{\"id\":1}", 0));
    ck_assert(again(content, "u", "{\"x\":0,\"id\":1}", 0));
    for (int i = 0; i < 9; i++) {
        ck_assert(!again(content, "t", "{\"no\":1}", 0));
        ck_assert(!again(content, "t", "no JSON", 0));
    }
    ck_assert(again(content, "t", "{\"id\":1}", 0)); /* they took no room in the window */
    mqtt_content_free(content);
    content = window("${filter}", 3, 1000);
    mqtt_content_filters(content, filters, 2);
    ck_assert(!again(content, "a/x", "1", 0));
    ck_assert(again(content, "a/y", "2", 0));
    ck_assert(!again(content, "b/y", "2", 0));
    ck_assert(!again(content, "c", "2", 0));
    ck_assert(!again(content, "c", "2", 0));
    mqtt_content_free(content);
}
END_TEST

START_TEST(a_key_that_is_no_template_is_refused)
{
    char why[192] = "";

    ck_assert_ptr_null(mqtt_content_new("${payload}${nonsense}", 1, 1, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "${nonsense}"));
}
END_TEST

typedef struct finding {
    weir_level level;
    char text[512];
} finding;

static void on_finding(void *ctx, weir_level level, const char *key, const char *text)
{
    finding *f = ctx;

    if (strcmp(key, "dedupe.key") != 0)
        return;
    f->level = level;
    snprintf(f->text, sizeof(f->text), "%s", text);
}

static const struct {
    const char *mode, *key;
    const char *says; /* NULL: nothing */
    weir_level level;
} keys_said[] = {
    {"redelivery", "${payload}", NULL, WEIR_INFO},
    {"redelivery", "${nonsense}", NULL, WEIR_INFO}, /* without effect */
    {"content", "${payload}", "equal readings vanish", WEIR_WARN},
    {"content", "${topic} ${payload}", NULL, WEIR_INFO},
    {"CONTENT", "${nonsense}", "${nonsense}", WEIR_ERROR},
    {"content", "", "all messages are the same", WEIR_ERROR},
    {"content", "text", "all messages are the same", WEIR_ERROR},
};

START_TEST(a_key_that_makes_messages_vanish_is_said)
{
    const char *const pairs[] = {
        "mqtt.server.uri",  "tcp://h",    "mqtt.topics",     "t", "dedupe.mode",
        keys_said[_i].mode, "dedupe.key", keys_said[_i].key, NULL};
    finding found = {WEIR_INFO, ""};
    mqtt_findings findings = {.ctx = &found, .note = on_finding};
    mqtt_settings settings;
    mqtt_setup *setup;

    fill(&settings, pairs);
    setup = mqtt_setup_new(&settings, "unit", 0, &findings);
    ck_assert_int_eq(setup == NULL, keys_said[_i].level == WEIR_ERROR);
    ck_assert_int_eq(found.level, keys_said[_i].level);
    if (keys_said[_i].says)
        ck_assert_msg(strstr(found.text, keys_said[_i].says), "%s", found.text);
    else
        ck_assert_str_eq(found.text, "");
    mqtt_setup_free(setup);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Filters are dealt out by it: another hash would move them, and with them sessions, on an upgrade.
 */
START_TEST(a_hash_is_what_it_was)
{
    uint8_t long_one[200];

    for (size_t i = 0; i < sizeof(long_one); i++)
        long_one[i] = (uint8_t)i;
    ck_assert_uint_eq(mqtt_hash("", 0, NULL, 0), UINT64_C(0x93E6A7EDF05CCC0E));
    ck_assert_uint_eq(mqtt_hash("t", 1, "x", 1), UINT64_C(0x918D573843CE32A0));
    ck_assert_uint_eq(mqtt_hash("a/b/c/d/e", 9, "1234567", 7), UINT64_C(0xC99CF169200052C7));
    ck_assert_uint_eq(mqtt_hash("12345678", 8, "123456789", 9), UINT64_C(0xC4B6F989273E6B99));
    ck_assert_uint_eq(mqtt_hash("t", 1, long_one, 200), UINT64_C(0x77DDEB1A15587577));
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source dedupe",
    tcase_add_test(tests,
                   what_was_acknowledged_and_comes_again_is_acknowledged_again_and_not_produced);
    tcase_add_test(tests, it_is_recognised_on_every_connection_of_the_session);
    tcase_add_test(tests, ids_that_begin_anew_with_a_connection_say_nothing_about_the_last_one);
    tcase_add_test(tests, the_first_id_may_be_sent_again);
    tcase_add_loop_test(tests, anything_else_is_produced, 0, ROWS(others));
    tcase_add_test(tests, without_the_mode_it_is_produced);
    tcase_add_test(tests, a_broker_that_takes_the_lowest_free_id_arms_nothing);
    tcase_add_test(tests,
                   a_burst_in_line_is_no_proof_before_its_acknowledgements_can_have_been_read);
    tcase_add_test(tests, one_id_out_of_line_forgets_everything);
    tcase_add_test(tests, ids_go_on_with_1_after_65535);
    tcase_add_test(tests, an_id_that_has_gone_round_names_another_message);
    tcase_add_loop_test(tests, behind_anything_else_nothing_is_taken_for_acknowledged, 0, 2);
    tcase_add_test(tests, a_message_that_finds_no_room_changes_nothing);
    tcase_add_loop_test(tests, a_tenth_repeated_live_makes_no_duplicate_and_one_ack_each, 1, 3);
    tcase_add_test(tests, another_broker_has_another_session);
    tcase_add_test(tests, orphans_that_wait_for_kafka_give_way_as_it_answers);
    tcase_add_loop_test(tests, what_the_key_says_is_the_same_is_the_same, 0, ROWS(keys));
    tcase_add_test(tests, the_window_ends_with_its_size_and_with_its_time);
    tcase_add_test(tests, a_window_of_any_size_holds_what_it_says);
    tcase_add_test(tests, what_was_asked_about_and_not_taken_is_not_known);
    tcase_add_test(tests, a_message_without_what_the_key_asks_for_is_like_no_other);
    tcase_add_test(tests, a_key_that_is_no_template_is_refused);
    tcase_add_loop_test(tests, a_key_that_makes_messages_vanish_is_said, 0, ROWS(keys_said));
    tcase_add_test(tests, a_hash_is_what_it_was);)
