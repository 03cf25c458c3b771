/* test_task_offsets.c - what a plugin may count on: the last owner's offsets before it starts, its
 * own at once, records' offsets in their order, and a last word when the task will not come back.
 */
#include "offset_fakes.h"
#include "rig.h"

#define A "{\"file\":\"a\"}"
#define B "{\"file\":\"b\"}"

/* ---- Order, without a thread --------------------------------------------------------------- */

static weir_worker_settings bench_settings;
static weir_source_task *bench;
static weir_offsets *offsets;

static void set_up(void)
{
    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    offsets = fake_offsets();
    bench_settings =
        (weir_worker_settings){.offset_flush_interval_ms = 60000, .offset_flush_timeout_ms = 5000};
    bench = weir_new(weir_source_task);
    pthread_mutex_init(&bench->hearing, NULL);
    bench->connector = weir_strdup("c");
    bench->worker = &bench_settings;
    bench->wakeup_fd = -1;
    bench->offset_topic = offsets;
    weir_task_host_init(bench);
    weir_task_offsets_open(bench);
    fake_read_to_end();
    ck_assert(weir_task_offsets_ready(bench));
}

static void tear_down(void)
{
    weir_task_offsets_close(bench);
    fake_offsets_free(offsets);
    pthread_mutex_destroy(&bench->hearing);
    free(bench->connector);
    free(bench->failure);
    free(bench->trouble.text);
    free(bench);
}

static weir_tracked *track(const char *partition, int number)
{
    char offset[40];
    weir_record record = {
        .size = sizeof(record), .source_partition_json = partition, .source_offset_json = offset};
    weir_tracked *tracked = NULL;

    snprintf(offset, sizeof(offset), "{\"n\":%d}", number);
    ck_assert_int_eq(weir_task_offsets_track(bench, &record, &tracked, NULL), WEIR_OK);
    ck_assert_ptr_nonnull(tracked);
    return tracked;
}

static void settle(weir_tracked *tracked, weir_outcome outcome)
{
    weir_task_offsets_settled(bench, tracked, outcome);
}

START_TEST(nothing_past_the_first_unsettled_record_is_written)
{
    weir_tracked *a[4], *b;

    for (int i = 0; i < 4; i++)
        a[i] = track(A, i);
    b = track(B, 7);
    settle(a[1], WEIR_DELIVERED);
    settle(a[2], WEIR_DEAD_LETTERED);
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 0);
    settle(b, WEIR_DELIVERED); /* another partition does not wait */
    weir_task_offsets_flush(bench, true);
    ck_assert_str_eq(fake_write_at(0), "[\"c\"," B "]={\"n\":7}");
    ck_assert_uint_eq(fake_written(), 1);
    settle(a[0], WEIR_DROPPED);
    weir_task_offsets_flush(bench, true);
    ck_assert_str_eq(fake_write_at(1), "[\"c\"," A "]={\"n\":2}");
    ck_assert_uint_eq(fake_written(), 2);
    ck_assert_str_eq(bench->host.offset(&bench->host, A), "{\"n\":2}");
    settle(a[3], WEIR_DELIVERED);
    weir_task_offsets_flush(bench, true);
    weir_task_offsets_flush(bench, true); /* once is enough */
    ck_assert_str_eq(fake_write_at(2), "[\"c\"," A "]={\"n\":3}");
    ck_assert_uint_eq(fake_written(), 3);
}
END_TEST

START_TEST(what_was_abandoned_never_counts_and_the_next_instance_begins_anew)
{
    weir_tracked *first = track(A, 1), *second = track(A, 2), *third = track(A, 3);

    settle(first, WEIR_DELIVERED);
    settle(third, WEIR_DELIVERED);
    settle(second, WEIR_ABANDONED);
    weir_task_offsets_forget_tracked(bench);
    weir_task_offsets_flush(bench, true);
    ck_assert_str_eq(fake_write_at(0), "[\"c\"," A "]={\"n\":1}");
    settle(track(A, 2), WEIR_DELIVERED);
    weir_task_offsets_flush(bench, true);
    ck_assert_str_eq(fake_write_at(1), "[\"c\"," A "]={\"n\":2}");
}
END_TEST

START_TEST(what_is_kept_is_kept_when_kafka_says_so)
{
    const weir_host *host = &bench->host;

    ck_assert(host->all_kept(host));
    ck_assert_int_eq(host->keep_offset(host, A, "{\"n\":1}"), WEIR_DONE);
    ck_assert(!host->all_kept(host));
    weir_task_offsets_flush(bench, true);
    ck_assert(!host->all_kept(host));
    fake_confirm(offsets, WEIR_FAILED);
    ck_assert(!host->all_kept(host)); /* it goes out once more */
    weir_task_offsets_flush(bench, true);
    ck_assert(!host->all_kept(host));
    fake_confirm(offsets, WEIR_OK);
    ck_assert(host->all_kept(host));
}
END_TEST

static void collect(void *ctx, const char *partition_json, const char *offset_json)
{
    char *text = ctx;

    snprintf(text + strlen(text), 400 - strlen(text), "%s=%s;", partition_json, offset_json);
}

START_TEST(all_of_the_connectors_offsets_are_known_not_only_the_tasks)
{
    const weir_host *host = &bench->host;
    char found[400] = "";

    host->each_offset(host, collect, found);
    ck_assert_str_eq(found, "");
    fake_record("[\"c\"," A "]", "{\"n\":1}");
    fake_record("[\"other\"," A "]", "{\"n\":9}");
    fake_record("[\"c\"," B "]", "{\"n\":2}");
    host->each_offset(host, collect, found);
    ck_assert_msg(strstr(found, A "={\"n\":1};") && strstr(found, B "={\"n\":2};"), "%s", found);
    ck_assert_ptr_null(strstr(found, "9"));
}
END_TEST

START_TEST(a_record_that_was_not_taken_is_not_waited_for)
{
    weir_tracked *first = track(A, 1);

    weir_task_offsets_untrack(track(A, 2));
    settle(first, WEIR_DELIVERED);
    settle(track(A, 3), WEIR_DELIVERED);
    weir_task_offsets_untrack(track(A, 4));
    weir_task_offsets_flush(bench, true);
    ck_assert_str_eq(fake_write_at(0), "[\"c\"," A "]={\"n\":3}");
}
END_TEST

START_TEST(the_same_partition_is_the_same_in_whatever_order_its_members_come)
{
    fake_record("[\"c\",{\"y\":2,\"x\":1}]", "{\"n\":0}");
    settle(track("{\"x\":1,\"y\":2}", 1), WEIR_DELIVERED);
    settle(track("{\"y\": 2, \"x\": 1}", 2), WEIR_DELIVERED);
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 1);
    ck_assert_str_eq(fake_write_at(0), "[\"c\",{\"y\":2,\"x\":1}]={\"n\":2}");
}
END_TEST

START_TEST(records_are_committed_at_the_interval_and_not_before)
{
    settle(track(A, 1), WEIR_DELIVERED);
    weir_task_offsets_flush(bench, false);
    ck_assert_uint_eq(fake_written(), 0);
    ck_assert_int_gt(bench->offsets.flush_at_ms, weir_now_ms() + 50000);
    bench->offsets.flush_at_ms = weir_now_ms();
    weir_task_offsets_flush(bench, false);
    ck_assert_uint_eq(fake_written(), 1);
}
END_TEST

START_TEST(what_is_kept_is_there_at_once_and_written_with_the_next_turn)
{
    const weir_host *host = &bench->host;

    ck_assert_ptr_null(host->offset(host, A));
    fake_record("[\"c\", {\"file\" : \"a\"}]", "{\"of\":\"a jvm\"}");
    ck_assert_str_eq(host->offset(host, A), "{\"of\":\"a jvm\"}");
    ck_assert_int_eq(host->keep_offset(host, A, "{\"n\":1}"), WEIR_DONE);
    ck_assert_int_eq(host->keep_offset(host, A, "{\"n\":2}"), WEIR_DONE);
    ck_assert_str_eq(host->offset(host, "{ \"file\": \"a\" }"), "{\"n\":2}");
    weir_task_offsets_flush(bench, false);
    ck_assert_uint_eq(fake_written(), 1);
    ck_assert_str_eq(fake_write_at(0), "[\"c\", {\"file\" : \"a\"}]={\"n\":2}");
    ck_assert_int_eq(host->keep_offset(host, A, NULL), WEIR_DONE);
    ck_assert_ptr_null(host->offset(host, A)); /* though the topic has another one still */
    weir_task_offsets_flush(bench, false);     /* a busy plugin writes once a second at most */
    ck_assert_uint_eq(fake_written(), 1);
    weir_task_offsets_flush(bench, true);
    ck_assert_str_eq(fake_write_at(1), "[\"c\", {\"file\" : \"a\"}]=");
}
END_TEST

static bool lease_is_over(void *ctx)
{
    (void)ctx;
    return false;
}

START_TEST(who_has_lost_the_task_writes_nothing)
{
    const weir_host *host = &bench->host;

    settle(track(A, 1), WEIR_DELIVERED);
    ck_assert_int_eq(host->keep_offset(host, B, "{}"), WEIR_DONE);
    if (_i == 0)
        atomic_store(&bench->suspend, true);
    else if (_i == 1)
        bench->lease_runs = lease_is_over;
    else
        atomic_store(&bench->abandoned, true);
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 0);
    if (_i == 2) {
        ck_assert_ptr_null(host->offset(host, A));
        ck_assert_int_eq(host->keep_offset(host, A, "{}"), WEIR_FATAL);
        return;
    }
    atomic_store(&bench->suspend, false);
    bench->lease_runs = NULL;
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 2);
}
END_TEST

START_TEST(what_could_not_be_written_is_written_again)
{
    fake.full = true;
    settle(track(A, 1), WEIR_DELIVERED);
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 0);
    fake.full = false;
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 1);
    ck_assert(!weir_task_offsets_written(bench));
    fake_confirm(offsets, WEIR_FAILED);
    ck_assert(weir_task_offsets_written(bench));
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 2);
    ck_assert_str_eq(fake_write_at(1), "[\"c\"," A "]={\"n\":1}");
    fake_confirm(offsets, WEIR_OK);
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 2);
}
END_TEST

static const struct {
    const char *partition, *offset, *says;
} nonsense[] = {
    {"x", "{}", "source partition 'x'"},
    {"[]", "{}", "not a JSON object"},
    {"{}", "{\"n\":", "offset '{\"n\":'"},
    {"{}", "12", "not a JSON object"},
};

START_TEST(nonsense_ends_the_task_and_is_not_written)
{
    const weir_host *host = &bench->host;

    ck_assert_int_eq(host->keep_offset(host, nonsense[_i].partition, nonsense[_i].offset),
                     WEIR_FATAL);
    ck_assert_msg(strstr(bench->failure, nonsense[_i].says), "%s", bench->failure);
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 0);
}
END_TEST

START_TEST(a_record_with_half_an_offset_is_not_sent)
{
    weir_record record = {.size = sizeof(record)};
    weir_tracked *tracked;
    weir_err err;

    ck_assert_int_eq(weir_task_offsets_track(bench, &record, &tracked, &err), WEIR_OK);
    ck_assert_ptr_null(tracked);
    record.source_partition_json = A;
    ck_assert_int_eq(weir_task_offsets_track(bench, &record, &tracked, &err), WEIR_INVALID);
    record.source_partition_json = NULL;
    record.source_offset_json = A;
    ck_assert_int_eq(weir_task_offsets_track(bench, &record, &tracked, &err), WEIR_INVALID);
    record.size = offsetof(weir_record, source_partition_json); /* of before they were added */
    ck_assert_int_eq(weir_task_offsets_track(bench, &record, &tracked, &err), WEIR_OK);
    ck_assert_ptr_null(tracked);
}
END_TEST

START_TEST(a_record_whose_offset_is_nonsense_ends_the_task_when_it_would_be_written)
{
    weir_record record = {
        .size = sizeof(record), .source_partition_json = A, .source_offset_json = "[1]"};
    weir_tracked *tracked;

    ck_assert_int_eq(weir_task_offsets_track(bench, &record, &tracked, NULL), WEIR_OK);
    settle(tracked, WEIR_DELIVERED);
    weir_task_offsets_flush(bench, true);
    ck_assert_uint_eq(fake_written(), 0);
    ck_assert_msg(strstr(bench->failure, "'[1]'"), "%s", bench->failure);
}
END_TEST

/* ---- A whole task -------------------------------------------------------------------------- */

static int forgets; /* under rig.lock, as all of it */
static char *seen;  /* offset(A) in start() */
static bool keeps_in_stop;

static weir_status seeing_start(const weir_host *host, const void *settings, void **self)
{
    pthread_mutex_lock(&rig.lock);
    weir_replace(&seen, host->offset(host, A));
    pthread_mutex_unlock(&rig.lock);
    return rig_start(host, settings, self);
}

static void keeping_stop(void *self)
{
    const weir_host *host = self;

    if (keeps_in_stop)
        ck_assert_int_eq(host->keep_offset(host, A, "{\"last\":1}"), WEIR_DONE);
    rig_stop(self);
}

static void forget(const weir_host *host, const void *settings)
{
    ck_assert_str_eq(((const rig_settings *)settings)->needed, "yes");
    ck_assert_int_eq(host->keep_offset(host, A, NULL), WEIR_DONE);
    pthread_mutex_lock(&rig.lock);
    ck_assert_int_eq(rig.alive, 0);
    forgets++;
    ck_assert_int_eq(host->tasks, 5);
    ck_assert_int_eq(host->tasks_left, 2);
    ck_assert_int_eq(host->plan, 4711);
    pthread_mutex_unlock(&rig.lock);
}

static void task_up(bool paused, bool to_be_forgotten)
{
    static weir_source source;
    static weir_plugin_desc plugin;
    weir_task_spec spec = rig_spec();

    source = rig_source;
    source.start = seeing_start;
    source.stop = keeping_stop;
    source.forget = forget;
    plugin = rig_plugin;
    plugin.source = &source;
    spec.offsets = offsets;
    spec.paused = paused;
    spec.forget = to_be_forgotten;
    spec.tasks = 5;
    spec.plan = 4711;
    spec.tasks_left = 2;
    rig.task = weir_source_task_start_with(&spec, &plugin);
}

static void rig_set_up(void)
{
    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    offsets = fake_offsets();
    rig_up();
    rig.settings.offset_flush_interval_ms = 1;
    rig.settings.offset_flush_timeout_ms = 5000;
    forgets = 0;
    keeps_in_stop = false;
}

static void rig_tear_down(void)
{
    rig_down();
    fake_offsets_free(offsets);
    free(seen);
    seen = NULL;
}

/* Nobody signals what the fakes see. */
#define EVENTUALLY(condition)                                                                      \
    do {                                                                                           \
        int64_t until_ms = weir_now_ms() + RIG_LIMIT_MS;                                           \
        while (!(condition) && weir_now_ms() < until_ms)                                           \
            usleep(1000);                                                                          \
        ck_assert_msg((condition), "not within the time: " #condition);                            \
    } while (0)

START_TEST(the_plugin_starts_when_the_topic_is_read_and_sees_what_is_there)
{
    task_up(false, false);
    EVENTUALLY(fake_barriers() == 1);
    WAIT_FOR(rig_told("the offset topic to be read"));
    ck_assert_int_eq(rig.starts, 0);
    fake_record("[\"fleet\"," A "]", "{\"n\":5}");
    fake_read_to_end();
    WAIT_FOR(rig_heard("R"));
    WITH_RIG(ck_assert_str_eq(seen, "{\"n\":5}"));
    rig_stop_task();
}
END_TEST

START_TEST(a_task_that_waits_for_the_topic_can_be_stopped_and_paused)
{
    task_up(false, false);
    EVENTUALLY(fake_barriers() == 1);
    weir_source_task_pause(rig.task, true);
    WAIT_FOR(rig_heard("P"));
    weir_source_task_pause(rig.task, false);
    WAIT_FOR(rig_told("\"doing\":\"starting\""));
    rig_stop_task();
    ck_assert_int_eq(rig.starts, 0);
    ck_assert_uint_eq(fake_written(), 0);
}
END_TEST

static bool confirmed_and_over(void)
{
    bool over;

    fake_confirm(offsets, WEIR_OK);
    pthread_mutex_lock(&rig.lock);
    over = rig_heard("RE");
    pthread_mutex_unlock(&rig.lock);
    return over;
}

START_TEST(offsets_of_records_follow_them_into_kafka)
{
    task_up(false, false);
    EVENTUALLY(fake_barriers() == 1);
    fake_read_to_end();
    WITH_RIG(rig.record.source_partition_json = A; rig.record.source_offset_json = "{\"n\":1}";
             rig.emit = 10);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 10);
    EVENTUALLY(fake_written() > 0);
    ck_assert_str_eq(fake_write_at(0), "[\"fleet\"," A "]={\"n\":1}");
    fake_confirm(offsets, WEIR_OK);
    weir_source_task_stop(rig.task);
    EVENTUALLY(confirmed_and_over()); /* there may have been commits meanwhile */
}
END_TEST

START_TEST(the_end_waits_until_kafka_has_the_offsets)
{
    keeps_in_stop = true;
    task_up(false, false);
    EVENTUALLY(fake_barriers() == 1);
    fake_read_to_end();
    WAIT_FOR(rig_heard("R"));
    weir_source_task_stop(rig.task);
    EVENTUALLY(fake_written() == 1);
    ck_assert_str_eq(fake_write_at(0), "[\"fleet\"," A "]={\"last\":1}");
    WITH_RIG(ck_assert(rig_heard("R")));
    fake_confirm(offsets, WEIR_OK);
    WAIT_FOR(rig_heard("RE"));
    ck_assert(!rig.facts[1]->forgotten);
    ck_assert_int_eq(forgets, 0);
}
END_TEST

START_TEST(a_task_that_will_not_come_back_forgets_when_its_instance_is_gone)
{
    bool paused = _i == 1, alone = _i == 2;

    task_up(paused, alone);
    if (!paused) {
        EVENTUALLY(fake_barriers() == 1);
        fake_read_to_end();
    }
    if (!alone) {
        WAIT_FOR(rig_heard(paused ? "P" : "R"));
        weir_source_task_forget(rig.task, 2);
    }
    if (paused) {
        EVENTUALLY(fake_barriers() == 1);
        fake_read_to_end();
    }
    EVENTUALLY(fake_written() == 1); /* what it lets go is written before it is over */
    ck_assert_str_eq(fake_write_at(0), "[\"fleet\"," A "]=");
    fake_confirm(offsets, WEIR_OK);
    WAIT_FOR(rig.fact_count > 0 && rig.facts[rig.fact_count - 1]->state == WEIR_TASK_ENDED);
    ck_assert(rig.facts[rig.fact_count - 1]->forgotten);
    ck_assert_int_eq(forgets, 1);
    ck_assert_int_eq(rig.stops, !paused && !alone);
}
END_TEST

START_TEST(who_has_lost_the_task_forgets_nothing)
{
    rig.lease = _i != 0;
    if (_i == 1)
        weir_props_remove(&rig.config, "needed"); /* and neither does a config that is none */
    task_up(false, true);
    if (_i == 0) {
        EVENTUALLY(fake_barriers() == 1);
        fake_read_to_end();
    }
    WAIT_FOR(rig_heard("E"));
    ck_assert(rig.facts[0]->forgotten);
    ck_assert_int_eq(forgets, 0);
    ck_assert_uint_eq(fake_written(), 0);
}
END_TEST

START_TEST(a_plugin_that_leaves_nothing_behind_has_nothing_to_forget)
{
    weir_task_spec spec = rig_spec();

    spec.offsets = offsets;
    spec.forget = true;
    rig.task = weir_source_task_start_with(&spec, &rig_plugin);
    WAIT_FOR(rig_heard("E"));
    ck_assert(rig.facts[0]->forgotten);
    ck_assert_int_eq(rig.starts, 0);
    ck_assert_uint_eq(fake_barriers(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("task_offsets");
    TCase *order = tcase_create("order"), *life = tcase_create("life");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(order, set_up, tear_down);
    tcase_add_test(order, nothing_past_the_first_unsettled_record_is_written);
    tcase_add_test(order, what_was_abandoned_never_counts_and_the_next_instance_begins_anew);
    tcase_add_test(order, what_is_kept_is_kept_when_kafka_says_so);
    tcase_add_test(order, all_of_the_connectors_offsets_are_known_not_only_the_tasks);
    tcase_add_test(order, a_record_that_was_not_taken_is_not_waited_for);
    tcase_add_test(order, the_same_partition_is_the_same_in_whatever_order_its_members_come);
    tcase_add_test(order, records_are_committed_at_the_interval_and_not_before);
    tcase_add_test(order, what_is_kept_is_there_at_once_and_written_with_the_next_turn);
    tcase_add_loop_test(order, who_has_lost_the_task_writes_nothing, 0, 3);
    tcase_add_test(order, what_could_not_be_written_is_written_again);
    tcase_add_loop_test(order, nonsense_ends_the_task_and_is_not_written, 0,
                        (int)WEIR_COUNT(nonsense));
    tcase_add_test(order, a_record_with_half_an_offset_is_not_sent);
    tcase_add_test(order, a_record_whose_offset_is_nonsense_ends_the_task_when_it_would_be_written);
    tcase_set_timeout(life, 60);
    tcase_add_checked_fixture(life, rig_set_up, rig_tear_down);
    tcase_add_test(life, the_plugin_starts_when_the_topic_is_read_and_sees_what_is_there);
    tcase_add_test(life, a_task_that_waits_for_the_topic_can_be_stopped_and_paused);
    tcase_add_test(life, offsets_of_records_follow_them_into_kafka);
    tcase_add_test(life, the_end_waits_until_kafka_has_the_offsets);
    tcase_add_loop_test(life, a_task_that_will_not_come_back_forgets_when_its_instance_is_gone, 0,
                        3);
    tcase_add_loop_test(life, who_has_lost_the_task_forgets_nothing, 0, 2);
    tcase_add_test(life, a_plugin_that_leaves_nothing_behind_has_nothing_to_forget);
    suite_add_tcase(suite, order);
    suite_add_tcase(suite, life);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
