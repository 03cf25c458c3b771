/* test_source_task.c - what the herder is promised: a task's life, in facts. */
#include "base/last_words.h"
#include "tests/unit/task/rig.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

START_TEST(records_reach_kafka_and_are_settled_as_delivered)
{
    rig_up();
    rig_task_up();
    WAIT_FOR(rig_heard("R"));
    WITH_RIG(rig.emit = 500);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 500);
    WAIT_FOR(rig_told("\"delivered\":500,"));
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RE");
    ck_assert_ptr_null(rig.facts[1]->trace);
    ck_assert_int_eq(rig.starts, 1);
    ck_assert_int_eq(rig.drains, 1);
    ck_assert_int_eq(rig.stops, 1);
    for (size_t i = 0; i < 500; i++) /* each token once */
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(rig.tokens[i], rig.tokens[j]);
    rig_down();
}
END_TEST

START_TEST(one_partition_is_settled_in_the_order_of_emit)
{
    rig_up();
    rig.record.partition = 2;
    rig_task_up();
    WITH_RIG(rig.emit = 1000);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1000);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(rig.tokens[i], i);
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(stopping_waits_for_what_is_on_its_way)
{
    rig_up();
    rd_kafka_mock_broker_set_rtt(rig.mock, 1, 700);
    rig_task_up();
    WITH_RIG(rig.emit = 20);
    WAIT_FOR(rig.took == 20);
    rig_stop_task();
    ck_assert_uint_eq(rig.counts[WEIR_DELIVERED], 20);
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], 0);
    rig_down();
}
END_TEST

START_TEST(what_got_no_answer_in_time_is_abandoned_not_acknowledged)
{
    int64_t begin_ms;

    rig_up();
    rig.settings.graceful_shutdown_ms = 1200;
    rig_task_up();
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 5);
    rd_kafka_mock_broker_set_down(rig.mock, 1);
    WITH_RIG(rig.emit = 20);
    WAIT_FOR(rig.took == 25);
    begin_ms = weir_now_ms();
    rig_stop_task();
    ck_assert_int_lt(weir_now_ms() - begin_ms, 1200 + 1500);
    ck_assert_uint_eq(rig.counts[WEIR_DELIVERED], 5);
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], 20);
    ck_assert_int_eq(rig.stops, 1);
    rig_down();
}
END_TEST

START_TEST(a_full_task_answers_again_and_goes_on_when_kafka_does)
{
    rig_up();
    rig_override("queue.buffering.max.messages", "10");
    rd_kafka_mock_broker_set_down(rig.mock, 1);
    rig_task_up();
    WITH_RIG(rig.emit = 300);
    WAIT_FOR(rig.took == 10 && rig.again > 0);
    WAIT_FOR(rig_told("Kafka to answer some of 10 records") || rig_told("Kafka: no answer for"));
    rd_kafka_mock_broker_set_up(rig.mock, 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 300);
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(suspended_takes_nothing_and_goes_on_as_if_nothing_had_been)
{
    rig_up();
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1 && rig.last_owned);
    weir_source_task_suspend(rig.task, true);
    WITH_RIG(rig.emit = 10);
    WAIT_FOR(rig.again > 0 && !rig.last_owned);
    WAIT_FOR(rig_told("suspended"));
    ck_assert_int_eq(rig.took, 1);
    weir_source_task_suspend(rig.task, false);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 11 && rig.last_owned);
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RE");
    ck_assert_int_eq(rig.starts, 1);
    rig_down();
}
END_TEST

START_TEST(without_a_lease_nothing_is_taken)
{
    rig_up();
    rig.lease = false;
    rig_task_up();
    WITH_RIG(rig.emit = 10);
    WAIT_FOR(rig.again > 0 && !rig.last_owned);
    WAIT_FOR(rig_told("lease"));
    ck_assert_int_eq(rig.took, 0);
    __atomic_store_n(&rig.lease, true, __ATOMIC_SEQ_CST);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 10);
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(paused_stops_the_instance_and_resumed_starts_another)
{
    rig_up();
    rig_task_up();
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(rig.took == 5);
    weir_source_task_pause(rig.task, true);
    WAIT_FOR(rig_heard("RP"));
    ck_assert_int_eq(rig.alive, 0);
    ck_assert_uint_eq(rig.counts[WEIR_DELIVERED], 5);
    weir_source_task_pause(rig.task, false);
    WAIT_FOR(rig_heard("RPR"));
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 10);
    ck_assert_int_eq(rig.starts, 2);
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RPRE");
    rig_down();
}
END_TEST

START_TEST(an_instance_that_stays_while_paused_emits_nothing_until_resumed)
{
    rig_up();
    rig.stays = true;
    rig_task_up();
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 5);
    weir_source_task_pause(rig.task, true);
    WAIT_FOR(rig_heard("RP"));
    WAIT_FOR(rig.paused);
    WITH_RIG(rig.emit = 5; rig.again = 0);
    WAIT_FOR(rig.again > 0);
    ck_assert_int_eq(rig.took, 5);
    weir_source_task_pause(rig.task, false);
    WAIT_FOR(rig_heard("RPR"));
    WAIT_FOR(!rig.paused && rig.counts[WEIR_DELIVERED] == 10);
    ck_assert_int_eq(rig.starts, 1);
    weir_source_task_pause(rig.task, true);
    WAIT_FOR(rig_heard("RPRP"));
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RPRPE");
    ck_assert_int_eq(rig.stops, 1);
    rig_down();
}
END_TEST

START_TEST(started_paused_nothing_is_made_until_resumed)
{
    weir_task_spec spec;

    rig_up();
    spec = rig_spec();
    spec.paused = true;
    rig.task = weir_source_task_start_with(&spec, &rig_plugin);
    WAIT_FOR(rig_heard("P"));
    ck_assert_int_eq(rig.starts, 0);
    weir_source_task_pause(rig.task, false);
    WAIT_FOR(rig_heard("PR"));
    weir_source_task_pause(rig.task, true);
    WAIT_FOR(rig_heard("PRP"));
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "PRPE");
    rig_down();
}
END_TEST

START_TEST(an_endless_poll_is_seen_and_can_be_abandoned)
{
    const char *call = NULL;
    int64_t until_ms;
    size_t facts;

    rig_up();
    rig_task_up();
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    ck_assert_int_eq(weir_source_task_stuck_ms(rig.task, &call), 0);
    WITH_RIG(rig.hang = true; rig.polls = 0);
    WAIT_FOR(rig.polls > 0);
    until_ms = weir_now_ms() + RIG_LIMIT_MS;
    while (weir_source_task_stuck_ms(rig.task, &call) == 0) {
        ck_assert_int_lt(weir_now_ms(), until_ms);
        poll(NULL, 0, 50);
    }
    ck_assert_str_eq(call, "poll");
    weir_source_task_stop(rig.task); /* in vain */
    weir_source_task_abandon(rig.task);
    rig.task = NULL;
    ck_assert_uint_eq(weir_source_task_left_behind(), 1);
    facts = rig.fact_count;

    WITH_RIG(rig.emit = 3; rig.hang = false); /* it comes back after all */
    WAIT_FOR(rig.stops == 1);
    until_ms = weir_now_ms() + RIG_LIMIT_MS;
    while (weir_source_task_left_behind() > 0) {
        ck_assert_int_lt(weir_now_ms(), until_ms);
        poll(NULL, 0, 5);
    }
    ck_assert_int_eq(rig.took, 1);
    ck_assert_int_eq(rig.fatal, 1);
    ck_assert_uint_eq(rig.fact_count, facts);
    rig_down();
}
END_TEST

START_TEST(a_task_that_nobody_hears_can_be_abandoned)
{
    int64_t until_ms;

    rig_up();
    rig_task_up();
    WAIT_FOR(rig_heard("R"));
    WITH_RIG(rig.deaf = true);
    weir_source_task_stop(rig.task);
    WAIT_FOR(rig.unheard > 1); /* it has ended and cannot say so */
    weir_source_task_abandon(rig.task);
    rig.task = NULL;
    until_ms = weir_now_ms() + RIG_LIMIT_MS;
    while (weir_source_task_left_behind() > 0) {
        ck_assert_int_lt(weir_now_ms(), until_ms);
        poll(NULL, 0, 5);
    }
    ck_assert_str_eq(rig_states(), "R");
    rig_down();
}
END_TEST

START_TEST(details_carry_what_the_plugin_says_when_it_is_json)
{
    rig_up();
    rig.status = "{\"connected\":true}";
    rig_task_up();
    WAIT_FOR(rig_told("\"plugin\":{\"connected\":true}}"));
    WITH_RIG(rig.status = "{\"broken\":"; rig.emit = 1);
    WAIT_FOR(rig_told("\"delivered\":1,") && !rig_told("\"plugin\""));
    WITH_RIG(rig.status = "[1]"; rig.emit = 1);
    WAIT_FOR(rig_told("\"delivered\":2,") && !rig_told("\"plugin\""));
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(details_tell_what_the_config_means_and_what_was_noted_about_it)
{
    rig_up();
    weir_props_set(&rig.config, "hush", "s3cret");
    weir_props_set(&rig.config, "nobody.knows", "me");
    weir_props_set(&rig.config, "tasks.max", "4");
    weir_props_set(&rig.config, "family.aunt", "Ada");
    weir_props_set(&rig.config, "producer.override.linger.ms", "1");
    weir_props_set(&rig.config, "producer.override.sasl.password", "s3cret");
    weir_props_set(&rig.config, WEIR_NOTES_KEY,
                   "[{\"level\":\"WARN\",\"key\":\"k\",\"text\":\"t\"}]");
    rig_task_up();
    WAIT_FOR(rig_told("\"notes\":[{\"level\":\"WARN\",\"key\":\"k\",\"text\":\"t\"}]"));
    ck_assert(rig_told("\"config\":{\"needed\":\"yes\",\"hush\":\"[hidden]\",\"tasks.max\":\"4\","
                       "\"family.aunt\":\"Ada\","
                       "\"producer.override.linger.ms\":\"1\","
                       "\"producer.override.sasl.password\":\"[hidden]\"}"));
    rig_stop_task();
    rig_down();
}
END_TEST

static const char *const no_notes[] = {"", "{", "7", "[1, {}, {\"text\": 1}]"};

START_TEST(notes_that_are_none_harm_nobody)
{
    rig_up();
    weir_props_set(&rig.config, WEIR_NOTES_KEY, no_notes[_i]);
    rig_task_up();
    WAIT_FOR(rig_told("\"config\":{\"needed\":\"yes\"}"));
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(stopped_before_it_could_do_anything_it_ends)
{
    rig_up();
    rig_task_up();
    rig_stop_task();
    ck_assert_int_eq(rig.starts, rig.stops);
    rig_down();
}
END_TEST

/* The first record of this partition, read back with a consumer. */
static rd_kafka_message_t *read_back(rd_kafka_t *consumer, const char *topic, int32_t partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t until_ms = weir_now_ms() + RIG_LIMIT_MS;
    rd_kafka_message_t *message = NULL;

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = 0;
    ck_assert_int_eq(rd_kafka_assign(consumer, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    while (!message && weir_now_ms() < until_ms) {
        message = rd_kafka_consumer_poll(consumer, 100);
        if (message && message->err) {
            rd_kafka_message_destroy(message);
            message = NULL;
        }
    }
    ck_assert_ptr_nonnull(message);
    return message;
}

static rd_kafka_t *new_consumer(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *consumer;

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(rig.mock), why,
                      sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof(why));
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    ck_assert_ptr_nonnull(consumer);
    return consumer;
}

static const struct {
    weir_data key;
    int32_t partition;
    int64_t timestamp_ms;
    int32_t lands_in; /* murmur2 of the key, as Java's producer does (connect-internals.md 1.9) */
} placed[] = {
    {{WEIR_TEXT, "status-connector-foo", 20}, -1, 1700000000123, 1},
    {{WEIR_TEXT, "status-task-foo-0", 17}, -1, 1, 0},
    {{WEIR_BYTES, "", 0}, -1, 1700000000123, 1},
    {{WEIR_TEXT, "status-connector-foo", 20}, 3, 1700000000123, 3},
    {{WEIR_NULL, NULL, 0}, 2, 1700000000123, 2},
};

START_TEST(a_record_arrives_as_it_was_emitted)
{
    rd_kafka_message_t *message;
    rd_kafka_headers_t *headers;
    rd_kafka_timestamp_type_t type;
    rd_kafka_t *consumer;
    const void *bytes;
    const char *name;
    size_t size;

    rig_up();
    rig.headers[0] = (weir_header){"text", {WEIR_TEXT, "a b", 3}};
    rig.headers[1] = (weir_header){"bytes", {WEIR_BYTES, "\x00\x01", 2}};
    rig.headers[2] = (weir_header){"null", {WEIR_NULL, NULL, 0}};
    rig.headers[3] = (weir_header){"text", {WEIR_TEXT, "", 0}}; /* a name may come twice */
    rig.record.headers = rig.headers;
    rig.record.header_count = 4;
    rig.record.key = placed[_i].key;
    rig.record.partition = placed[_i].partition;
    rig.record.timestamp_ms = placed[_i].timestamp_ms;
    rig.record.value = (weir_data){WEIR_JSON, "{\"t\": 21.50}", 12};
    rig.emit = 1;
    rig_task_up();
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);

    consumer = new_consumer();
    message = read_back(consumer, "readings", placed[_i].lands_in);
    ck_assert_uint_eq(message->len, 12);
    ck_assert_mem_eq(message->payload, "{\"t\": 21.50}", 12);
    ck_assert_int_eq(message->key == NULL, placed[_i].key.kind == WEIR_NULL);
    ck_assert_uint_eq(message->key_len, placed[_i].key.size);
    if (message->key_len)
        ck_assert_mem_eq(message->key, placed[_i].key.bytes, message->key_len);
    ck_assert_int_eq(rd_kafka_message_timestamp(message, &type), placed[_i].timestamp_ms);
    ck_assert_int_eq(rd_kafka_message_headers(message, &headers), 0);
    ck_assert_uint_eq(rd_kafka_header_cnt(headers), 4);
    ck_assert_int_eq(rd_kafka_header_get_all(headers, 1, &name, &bytes, &size), 0);
    ck_assert_str_eq(name, "bytes");
    ck_assert_uint_eq(size, 4);
    ck_assert_mem_eq(bytes, "AAE=", 4);
    ck_assert_int_eq(rd_kafka_header_get_all(headers, 2, &name, &bytes, &size), 0);
    ck_assert_ptr_null(bytes);
    ck_assert_int_eq(rd_kafka_header_get_all(headers, 3, &name, &bytes, &size), 0);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(size, 0);
    rd_kafka_message_destroy(message);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rig_stop_task();
    rig_down();
}
END_TEST

static int hearer = -1; /* where a crash is told; -1: nobody crashes */

/* [task] A copy of this process, with this thread alone, crashes inside the plugin. */
static weir_status poll_and_crash(void *self, int64_t deadline_ms)
{
    int fd = hearer, status;
    pid_t pid;

    hearer = -1;
    if (fd >= 0) {
        pid = fork();
        if (pid == 0) {
            setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
            weir_last_words_install();
            if (weir_last_words_register(fd))
                abort();
            _exit(1);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status));
        close(fd);
    }
    return rig_poll(self, deadline_ms);
}

START_TEST(a_plugin_that_crashes_is_named)
{
    weir_source source = rig_source;
    weir_plugin_desc plugin = rig_plugin;
    weir_task_spec spec;
    char said[256] = "";
    int pair[2];

    rig_up();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    hearer = pair[1];
    source.poll = poll_and_crash;
    plugin.source = &source;
    spec = rig_spec();
    rig.task = weir_source_task_start_with(&spec, &plugin);
    ck_assert_int_gt(recv(pair[0], said, sizeof(said) - 1, 0), 0);
    ck_assert_msg(strstr(said, "{\"crashed\":\"fleet/3\",\"signal\":6,\"ran_ms\":"), "%s", said);
    rig_stop_task();
    rig_down();
    close(pair[0]);
}
END_TEST

START_TEST(a_class_that_no_plugin_has_fails_with_words)
{
    weir_registry *registry = weir_registry_load("/var/empty/no-plugins-here");
    weir_task_spec spec;

    rig_up();
    weir_props_set(&rig.connector, "connector.class", "io.example.Nobody");
    spec = rig_spec();
    spec.registry = registry;
    rig.task = weir_source_task_start(&spec);
    WAIT_FOR(rig_heard("F"));
    ck_assert_msg(strstr(rig_trace(), "which name matches io.example.Nobody"), "%s", rig_trace());
    ck_assert_msg(strstr(rig_trace(), "\n\tat connector fleet, task 3"), "%s", rig_trace());
    rig_down();
    weir_registry_free(registry);
}
END_TEST

WEIR_UNIT_MAIN(
    "source_task",
    tcase_add_loop_test(tests, a_record_arrives_as_it_was_emitted, 0, (int)WEIR_COUNT(placed));
    tcase_add_test(tests, a_plugin_that_crashes_is_named);
    tcase_add_test(tests, a_class_that_no_plugin_has_fails_with_words);
    tcase_add_test(tests, records_reach_kafka_and_are_settled_as_delivered);
    tcase_add_test(tests, one_partition_is_settled_in_the_order_of_emit);
    tcase_add_test(tests, stopping_waits_for_what_is_on_its_way);
    tcase_add_test(tests, what_got_no_answer_in_time_is_abandoned_not_acknowledged);
    tcase_add_test(tests, a_full_task_answers_again_and_goes_on_when_kafka_does);
    tcase_add_test(tests, suspended_takes_nothing_and_goes_on_as_if_nothing_had_been);
    tcase_add_test(tests, without_a_lease_nothing_is_taken);
    tcase_add_test(tests, paused_stops_the_instance_and_resumed_starts_another);
    tcase_add_test(tests, an_instance_that_stays_while_paused_emits_nothing_until_resumed);
    tcase_add_test(tests, started_paused_nothing_is_made_until_resumed);
    tcase_add_test(tests, an_endless_poll_is_seen_and_can_be_abandoned);
    tcase_add_test(tests, a_task_that_nobody_hears_can_be_abandoned);
    tcase_add_test(tests, details_carry_what_the_plugin_says_when_it_is_json);
    tcase_add_test(tests, details_tell_what_the_config_means_and_what_was_noted_about_it);
    tcase_add_loop_test(tests, notes_that_are_none_harm_nobody, 0, WEIR_COUNT(no_notes));
    tcase_add_test(tests, stopped_before_it_could_do_anything_it_ends);)
