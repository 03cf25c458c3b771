/* test_errors.c - a record that cannot get to Kafka: another try, a dead letter, the end; and never
 * an acknowledgement before its end is sure.
 */
#include "tests/unit/task/letters.h"

#define PRODUCE 0 /* Kafka's api key */

#define CONTEXT                                                                                    \
    "__connect.errors.topic __connect.errors.partition __connect.errors.offset "                   \
    "__connect.errors.connector.name __connect.errors.task.id __connect.errors.stage "             \
    "__connect.errors.class.name __connect.errors.exception.class.name "                           \
    "__connect.errors.exception.message __connect.errors.exception.stacktrace"

static void tolerate(void)
{
    weir_props_set(&rig.connector, "errors.tolerance", "all");
}

/* ---- reject() ------------------------------------------------------------------------------ */

START_TEST(a_rejected_message_fails_the_task_with_the_connectors_words)
{
    rig_up();
    rig.reject = "mapping";
    rig.emit = 1;
    rig_task_up();
    WAIT_FOR(rig_heard("RF"));
    ck_assert_msg(strstr(rig_trace(), "a record for topic 'readings' failed at stage 'TASK_POLL' "
                                      "with class 'rig': as the test wants"),
                  "%s", rig_trace());
    ck_assert_int_eq(rig.fatal, 1);
    ck_assert_uint_eq(rig.settled, 0); /* it was not taken */
    WAIT_FOR(rig_told("\"errors\":{\"total\":1,\"by_kind\":{\"mapping\":1},\"dead_lettered\":0,"
                      "\"dropped\":0,\"retries\":0,\"last_error\":\"as the test wants\""));
    rig_down();
}
END_TEST

START_TEST(a_rejected_message_without_a_topic_is_dropped_when_that_is_tolerated)
{
    rig_up();
    tolerate();
    rig.reject = "topic";
    rig.record.topic = NULL;
    rig.emit = 3;
    rig_task_up();
    WAIT_FOR(rig.counts[WEIR_DROPPED] == 3);
    WAIT_FOR(rig_told("\"total\":3,\"by_kind\":{\"topic\":3},\"dead_lettered\":0,\"dropped\":3"));
    rig_stop_task();
    ck_assert_uint_eq(rig.settled, 3);
    rig_down();
}
END_TEST

START_TEST(reject_is_bound_by_what_binds_emit)
{
    rig_up();
    tolerate();
    rig.lease = false;
    rig.reject = "mapping";
    rig.emit = 1;
    rig_task_up();
    WAIT_FOR(rig.again > 2);
    ck_assert_uint_eq(rig.settled, 0);
    __atomic_store_n(&rig.lease, true, __ATOMIC_SEQ_CST);
    WAIT_FOR(rig.counts[WEIR_DROPPED] == 1);
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(kinds_beyond_thirty_are_counted_together)
{
    char kind[16];

    rig_up();
    tolerate();
    rig_task_up();
    for (size_t i = 0; i < 40; i++) {
        snprintf(kind, sizeof(kind), "kind-%zu", i);
        WITH_RIG(rig.reject = kind; rig.emit = 1);
        WAIT_FOR(rig.counts[WEIR_DROPPED] == i + 1);
    }
    WAIT_FOR(rig_told("\"total\":40,") && rig_told("\"kind-29\":1") && rig_told("\"other\":10"));
    rig_stop_task();
    rig_down();
}
END_TEST

/* ---- Dead letters -------------------------------------------------------------------------- */

START_TEST(a_dead_letter_is_the_original_with_its_headers_and_connects)
{
    static const weir_data original = {WEIR_BYTES, "\x01\x02{", 3};
    rd_kafka_message_t *letter;
    char *names;

    rig_up();
    letters_up();
    tolerate();
    rig.reject = "mapping";
    rig.headers[0] = (weir_header){"mqtt.topic", {WEIR_TEXT, "a/b", 3}};
    rig.headers[1] = (weir_header){"mqtt.qos", {WEIR_JSON, "1", 1}};
    rig.record.headers = rig.headers;
    rig.record.header_count = 2;
    rig.record.key = (weir_data){WEIR_TEXT, "key", 3};
    rig.record.original = &original;
    rig.record.timestamp_ms = 1700000000123;
    rig.emit = 1;
    rig_task_up();
    letter = letters_next();
    ck_assert_uint_eq(letter->len, 3);
    ck_assert_mem_eq(letter->payload, "\x01\x02{", 3);
    ck_assert_uint_eq(letter->key_len, 3);
    ck_assert_int_eq(rd_kafka_message_timestamp(letter, NULL), 1700000000123);
    names = letters_names(letter);
    ck_assert_str_eq(names, "mqtt.topic mqtt.qos " CONTEXT);
    free(names);
    ck_assert_str_eq(letters_header(letter, "mqtt.topic"), "a/b");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.topic"), "readings");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.partition"), "(null)");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.offset"), "(null)");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.connector.name"), "fleet");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.task.id"), "3");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.stage"), "TASK_POLL");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.class.name"), "rig");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.exception.class.name"),
                     "org.apache.kafka.connect.errors.DataException");
    ck_assert_str_eq(letters_header(letter, "__connect.errors.exception.message"),
                     "as the test wants");
    ck_assert_ptr_nonnull(strstr(letters_header(letter, "__connect.errors.exception.stacktrace"),
                                 "as the test wants\n\tat plugin rig 1.2.3, connector fleet"));
    rd_kafka_message_destroy(letter);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1);
    WAIT_FOR(rig_told("\"dead_lettered\":1,\"dropped\":0"));
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

START_TEST(without_context_headers_the_letter_has_the_records_own)
{
    rd_kafka_message_t *letter;
    char *names;

    rig_up();
    letters_up();
    tolerate();
    weir_props_set(&rig.connector, "errors.deadletterqueue.context.headers.enable", "false");
    rig.reject = "mapping";
    rig.headers[0] = (weir_header){"bad", {(weir_kind)9, "as it came", 10}}; /* none converts it */
    rig.record.headers = rig.headers;
    rig.record.header_count = 1;
    rig.emit = 1;
    rig_task_up();
    letter = letters_next();
    names = letters_names(letter);
    ck_assert_str_eq(names, "bad");
    ck_assert_str_eq(letters_header(letter, "bad"), "as it came");
    free(names);
    rd_kafka_message_destroy(letter);
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

/* Classes of failure that the worker finds itself. */
static const struct failing {
    const char *what, *value;
    weir_kind kind;
    size_t size;
    rd_kafka_resp_err_t broker_says; /* to the record; the letter is taken */
    const char *stage, *counted;
} failing[] = {
    {"a value that does not convert", "\xff", WEIR_TEXT, 1, 0, "VALUE_CONVERTER", "conversion"},
    {"a record that the broker finds too large", "ab", WEIR_BYTES, 2,
     RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "KAFKA_PRODUCE", "too-large"},
    {"a topic that may not be written", "ab", WEIR_BYTES, 2,
     RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "KAFKA_PRODUCE", "not-authorized"},
};

static void fail_one(const struct failing *one)
{
    WITH_RIG(rig.emit = 1); /* a good one, so that the topic is known */
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    if (one->broker_says)
        rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 1, one->broker_says);
    WITH_RIG(rig.emit = 1; rig.record.value = (weir_data){one->kind, one->value, one->size});
}

START_TEST(whatever_fails_becomes_a_letter_and_is_settled_after_that)
{
    const struct failing *one = &failing[_i];
    rd_kafka_message_t *letter;

    rig_up();
    letters_up();
    tolerate();
    rig_task_up();
    fail_one(one);
    letter = letters_next();
    ck_assert_msg(letter->len == one->size && memcmp(letter->payload, one->value, one->size) == 0,
                  "%s: not the original, %zu bytes", one->what, letter->len);
    ck_assert_str_eq(letters_header(letter, "__connect.errors.stage"), one->stage);
    ck_assert_str_eq(letters_header(letter, "__connect.errors.topic"), "readings");
    rd_kafka_message_destroy(letter);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1);
    WAIT_FOR(rig_told(one->counted) && rig_told("\"dead_lettered\":1,"));
    WITH_RIG(rig.record.value = (weir_data){WEIR_BYTES, "ok", 2}; rig.emit = 5);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 6);
    rig_stop_task();
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED] + rig.counts[WEIR_DROPPED], 0);
    letters_down();
    rig_down();
}
END_TEST

START_TEST(without_tolerance_there_is_a_letter_but_the_task_fails_and_nothing_is_acknowledged)
{
    const struct failing *one = &failing[_i];
    rd_kafka_message_t *letter;

    rig_up();
    letters_up();
    rig_task_up();
    fail_one(one);
    WAIT_FOR(rig_heard("RF"));
    ck_assert_msg(strstr(rig_trace(), "Tolerance exceeded") &&
                      strstr(rig_trace(), "dead-letter topic 'dead'") &&
                      strstr(rig_trace(), "not acknowledged"),
                  "%s: %s", one->what, rig_trace());
    letter = letters_next();
    ck_assert_str_eq(letters_header(letter, "__connect.errors.stage"), one->stage);
    rd_kafka_message_destroy(letter);
    ck_assert_uint_eq(rig.counts[WEIR_DEAD_LETTERED], 0);
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], (size_t)rig.took - 1);
    letters_down();
    rig_down();
}
END_TEST

START_TEST(nothing_is_settled_before_the_letter_is_written)
{
    rig_up();
    letters_up();
    tolerate();
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    rd_kafka_mock_broker_set_down(rig.mock, 1);
    WITH_RIG(rig.reject = "mapping"; rig.emit = 10);
    WAIT_FOR(rig.took == 11);
    WAIT_FOR(rig_told("Kafka: no answer for"));
    ck_assert_uint_eq(rig.settled, 1);
    rd_kafka_mock_broker_set_up(rig.mock, 1);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 10);
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_letter_waits_for_kafka_whatever_time_a_record_has)
{
    rig_up();
    letters_up();
    tolerate();
    rig_override("delivery.timeout.ms", "500");
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    rd_kafka_mock_broker_set_down(rig.mock, 1);
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig_told("\"timeout\":1"));
    WAIT_FOR(rig_told("Kafka: no answer for 3 s"));
    ck_assert_uint_eq(rig.settled, 1);
    rd_kafka_mock_broker_set_up(rig.mock, 1);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1);
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RE");
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_payload_too_large_for_the_letter_too_is_left_out_and_that_is_said)
{
    static const char zeros[8000];
    rd_kafka_message_t *letter;

    rig_up();
    letters_up();
    tolerate();
    rig_override("message.max.bytes", "4000");
    rig.record.key = (weir_data){WEIR_TEXT, "key", 3};
    rig.record.value = (weir_data){WEIR_BYTES, zeros, sizeof(zeros)};
    rig.emit = 1;
    rig_task_up();
    letter = letters_next();
    ck_assert_ptr_null(letter->payload);
    ck_assert_uint_eq(letter->key_len, 3);
    ck_assert_msg(strncmp(letters_header(letter, WEIR_LETTER_NO_PAYLOAD), "8000 bytes: ", 12) == 0,
                  "%s", letters_header(letter, WEIR_LETTER_NO_PAYLOAD));
    ck_assert_str_eq(letters_header(letter, "__connect.errors.exception.class.name"),
                     "org.apache.kafka.common.errors.RecordTooLargeException");
    rd_kafka_message_destroy(letter);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1);
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_payload_that_the_dead_letter_topic_refuses_is_left_out_too)
{
    rd_kafka_message_t *letter;
    char *names;

    rig_up();
    letters_up();
    tolerate();
    rig.reject = "mapping";
    rig.emit = 1;
    rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    rig_task_up();
    letter = letters_next();
    ck_assert_ptr_null(letter->payload);
    names = letters_names(letter);
    ck_assert_str_eq(names, CONTEXT " " WEIR_LETTER_NO_PAYLOAD);
    free(names);
    rd_kafka_message_destroy(letter);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1);
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_payload_that_was_never_stored_is_said_to_be_missing)
{
    rd_kafka_message_t *letter;

    rig_up();
    letters_up();
    tolerate();
    rig.reject = "too-large";
    rig.record.value = (weir_data){WEIR_BYTES, NULL, 300000000};
    rig.emit = 1;
    rig_task_up();
    letter = letters_next();
    ck_assert_ptr_null(letter->payload);
    ck_assert_str_eq(letters_header(letter, WEIR_LETTER_NO_PAYLOAD),
                     "300000000 bytes: it was never stored");
    rd_kafka_message_destroy(letter);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1);
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_letter_that_cannot_be_written_fails_the_task_and_nothing_is_acknowledged)
{
    rig_up();
    letters_up();
    tolerate();
    rig.reject = "mapping";
    rig.emit = 1;
    rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    rig_task_up();
    WAIT_FOR(rig_heard("RF"));
    ck_assert_msg(strstr(rig_trace(), "the dead-letter topic 'dead' could not be written, so the "
                                      "record is not acknowledged"),
                  "%s", rig_trace());
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], 1);
    ck_assert_uint_eq(rig.settled, 1);
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_thousand_bad_records_in_a_row_stall_nothing_and_leak_nothing)
{
    weir_record good;

    rig_up();
    letters_up();
    tolerate();
    rig_override("queue.buffering.max.messages", "100"); /* room has to be made again and again */
    good = rig.record;
    rig.record.value = (weir_data){WEIR_TEXT, "\xff", 1};
    rig_task_up();
    WITH_RIG(rig.emit = 1000);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1000);
    WITH_RIG(rig.record = good; rig.emit = 200);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 200);
    WAIT_FOR(rig_told("\"by_kind\":{\"conversion\":1000},\"dead_lettered\":1000,") &&
             rig_told("\"in_flight\":0,\"unsettled\":0,"));
    rig_stop_task();
    ck_assert_uint_eq(rig.settled, 1200);
    letters_down();
    rig_down();
}
END_TEST

START_TEST(letters_of_records_on_their_way_wait_for_room)
{
    rig_up();
    letters_up();
    tolerate();
    rig_override("queue.buffering.max.messages", "20");
    rig_override("linger.ms", "200"); /* twenty in one request */
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    WITH_RIG(rig.emit = 20);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] > 0);
    WAIT_FOR(rig.settled == 21);
    rig_stop_task();
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], 0);
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_topic_for_letters_that_cannot_be_made_is_said_before_anything_is_read)
{
    char name[600];

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    rig_up();
    tolerate();
    weir_props_set(&rig.connector, "errors.deadletterqueue.topic.name", name);
    rig_task_up();
    WAIT_FOR(rig_heard("F"));
    ck_assert_msg(strstr(rig_trace(), "nnn' cannot be the name of the dead-letter topic"), "%s",
                  rig_trace());
    ck_assert_int_eq(rig.starts, 0);
    rig_down();
}
END_TEST

START_TEST(while_kafka_is_away_the_topic_for_letters_is_waited_for)
{
    rig_up();
    letters_up();
    tolerate();
    rd_kafka_mock_broker_set_down(rig.mock, 1);
    rig_task_up();
    WAIT_FOR(rig_told("dead-letter topic 'dead': "));
    ck_assert_int_eq(rig.starts, 0);
    weir_source_task_pause(rig.task, true);
    WAIT_FOR(rig_heard("P"));
    weir_source_task_pause(rig.task, false);
    rd_kafka_mock_broker_set_up(rig.mock, 1);
    WAIT_FOR(rig_heard("PR"));
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

/* ---- Another try --------------------------------------------------------------------------- */

/* Unlike a refusal of the topic this one does not make librdkafka refuse the next record itself. */
static void deny_next(void)
{
    rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
}

START_TEST(what_may_heal_is_tried_again_by_a_new_instance)
{
    rig_up();
    weir_props_set(&rig.connector, "errors.retry.timeout", "-1");
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.starts == 2);
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], 1); /* the source has it still */
    WITH_RIG(rig.emit = 1);                           /* … and hands it over again */
    WAIT_FOR(rig.starts == 3);
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 2);
    WAIT_FOR(rig_told("\"errors\":{\"total\":0,\"by_kind\":{},\"dead_lettered\":0,\"dropped\":0,"
                      "\"retries\":2,"));
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RE");
    rig_down();
}
END_TEST

START_TEST(while_a_try_is_waited_for_nothing_is_taken_and_a_stop_ends_it)
{
    rig_up();
    tolerate();
    weir_props_set(&rig.connector, "errors.retry.timeout", "-1");
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    for (int i = 0; i < 4; i++) { /* 300 ms to 2.4 s */
        rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 1,
                                          RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
        WITH_RIG(rig.again = 0; rig.emit = 1);
        WAIT_FOR(rig.counts[WEIR_ABANDONED] == (size_t)i + 1);
        if (i < 3)
            WAIT_FOR(rig.starts == i + 2);
    }
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.again > 0 && rig_told("try 5"));
    rig_stop_task();
    ck_assert_int_eq(rig.starts, 4);
    ck_assert_uint_eq(rig.counts[WEIR_DROPPED] + rig.counts[WEIR_DEAD_LETTERED], 0);
    rig_down();
}
END_TEST

START_TEST(when_the_time_is_over_the_policy_decides_and_a_new_record_begins_no_new_time)
{
    rig_up();
    letters_up();
    tolerate();
    weir_props_set(&rig.connector, "errors.retry.timeout", "400");
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    for (size_t tries = 1; tries == 1 || rig.counts[WEIR_DEAD_LETTERED] == 0; tries++) {
        deny_next();
        WITH_RIG(rig.emit = 1);
        WAIT_FOR(rig.settled == tries + 1); /* abandoned, at last dead-lettered */
        WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 1 || rig.starts == (int)tries + 1);
    }
    ck_assert_int_ge(rig.starts, 2);
    deny_next();
    WITH_RIG(rig.starts = 0; rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DEAD_LETTERED] == 2);
    ck_assert_int_eq(rig.starts, 0);
    rig_stop_task();
    letters_down();
    rig_down();
}
END_TEST

START_TEST(what_cannot_heal_is_not_tried_again)
{
    rig_up();
    tolerate();
    weir_props_set(&rig.connector, "errors.retry.timeout", "-1");
    rig.record.value = (weir_data){WEIR_TEXT, "\xff", 1};
    rig.emit = 3;
    rig_task_up();
    WAIT_FOR(rig.counts[WEIR_DROPPED] == 3);
    WAIT_FOR(rig_told("\"retries\":0,"));
    rig_stop_task();
    ck_assert_int_eq(rig.starts, 1);
    rig_down();
}
END_TEST

/* ---- Logging ------------------------------------------------------------------------------- */

static void log_of_one(bool records, char *text, size_t room)
{
    FILE *file = tmpfile();
    size_t size;

    ck_assert_ptr_nonnull(file);
    rig_up();
    tolerate();
    weir_props_set(&rig.connector, "errors.log.enable", "true");
    weir_props_set(&rig.connector, "errors.log.include.messages", records ? "true" : "false");
    weir_log_to(fileno(file));
    rig.record.key = (weir_data){WEIR_TEXT, "k\n1", 3};
    rig.reject = "mapping";
    rig.emit = 1;
    rig_task_up();
    WAIT_FOR(rig.counts[WEIR_DROPPED] == 1);
    rig_stop_task();
    weir_log_to(1);
    rig_down();
    rewind(file);
    size = fread(text, 1, room - 1, file);
    text[size] = '\0';
    fclose(file);
}

START_TEST(a_log_line_is_connects)
{
    char text[16384];

    log_of_one(_i, text, sizeof(text));
    ck_assert_msg(strstr(text,
                         "Error encountered in task fleet-3. Executing stage 'TASK_POLL' with "
                         "class 'rig'"),
                  "%s", text);
    ck_assert_msg(strstr(text, "error=\"as the test wants\""), "%s", text);
    ck_assert_int_eq(strstr(text, ", where source record is = SourceRecord{topic='readings', "
                                  "key='k.1', value='payload', timestamp=-1}.") != NULL,
                     _i);
    ck_assert_msg(strstr(text, "1 records dropped because of errors.tolerance=all"), "%s", text);
}
END_TEST

WEIR_UNIT_MAIN(
    "errors", tcase_add_test(tests, a_rejected_message_fails_the_task_with_the_connectors_words);
    tcase_add_test(tests, a_rejected_message_without_a_topic_is_dropped_when_that_is_tolerated);
    tcase_add_test(tests, reject_is_bound_by_what_binds_emit);
    tcase_add_test(tests, kinds_beyond_thirty_are_counted_together);
    tcase_add_test(tests, a_dead_letter_is_the_original_with_its_headers_and_connects);
    tcase_add_test(tests, without_context_headers_the_letter_has_the_records_own);
    tcase_add_loop_test(tests, whatever_fails_becomes_a_letter_and_is_settled_after_that, 0,
                        (int)WEIR_COUNT(failing));
    tcase_add_loop_test(
        tests, without_tolerance_there_is_a_letter_but_the_task_fails_and_nothing_is_acknowledged,
        0, (int)WEIR_COUNT(failing));
    tcase_add_test(tests, nothing_is_settled_before_the_letter_is_written);
    tcase_add_test(tests, a_letter_waits_for_kafka_whatever_time_a_record_has);
    tcase_add_test(tests, a_payload_too_large_for_the_letter_too_is_left_out_and_that_is_said);
    tcase_add_test(tests, a_payload_that_the_dead_letter_topic_refuses_is_left_out_too);
    tcase_add_test(tests, a_payload_that_was_never_stored_is_said_to_be_missing);
    tcase_add_test(tests,
                   a_letter_that_cannot_be_written_fails_the_task_and_nothing_is_acknowledged);
    tcase_add_test(tests, a_thousand_bad_records_in_a_row_stall_nothing_and_leak_nothing);
    tcase_add_test(tests, letters_of_records_on_their_way_wait_for_room);
    tcase_add_test(tests, a_topic_for_letters_that_cannot_be_made_is_said_before_anything_is_read);
    tcase_add_test(tests, while_kafka_is_away_the_topic_for_letters_is_waited_for);
    tcase_add_test(tests, what_may_heal_is_tried_again_by_a_new_instance);
    tcase_add_test(tests, while_a_try_is_waited_for_nothing_is_taken_and_a_stop_ends_it);
    tcase_add_test(tests,
                   when_the_time_is_over_the_policy_decides_and_a_new_record_begins_no_new_time);
    tcase_add_test(tests, what_cannot_heal_is_not_tried_again);
    tcase_add_loop_test(tests, a_log_line_is_connects, 0, 2);)
