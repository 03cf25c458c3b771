/* test_metrics.c - GET /metrics as it goes over the wire, for a herder that knows much, little, or
 * does not answer. */
#include "tests/unit/rest-api/fake_worker.h"

static fake_worker worker;

static void start(void)
{
    fake_start(&worker);
}

static void stop(void)
{
    fake_stop(&worker);
}

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

static void has(const answer *a, const char *line)
{
    weir_buf whole = WEIR_BUF;

    weir_buf_format(&whole, "\n%s\n", line);
    ck_assert_msg(strstr(a->body, weir_buf_text(&whole)), "no '%s' in %s", line, a->body);
    weir_buf_free(&whole);
}

static void has_not(const answer *a, const char *text)
{
    ck_assert_msg(!strstr(a->body, text), "'%s' in %s", text, a->body);
}

/* ---- What there is ------------------------------------------------------------------------- */

static const char *const words[] = {"up", "down", NULL};
static const weir_metric table[] = {
    {"seen_total", WEIR_COUNTER, "seen", .label = "kind", .help = "What was seen."},
    {"link", WEIR_STATE, "link", .states = words, .help = "What it is at."},
    {"age_seconds", WEIR_GAUGE, "age", .help = "How old it is."},
    {0},
};
/* Of another plugin, whose name reads the same in a metric's. */
static const weir_metric other_table[] = {
    {"age_seconds", WEIR_GAUGE, "age", .help = "Something else."},
    {"height", WEIR_GAUGE, "height", .help = "How high it is."},
    {0},
};

static void add_sample(weir_task_metrics *m, size_t row, const char *member, double value)
{
    m->samples = weir_realloc(m->samples, m->sample_count + 1, sizeof(*m->samples));
    m->samples[m->sample_count++] =
        (weir_plugin_sample){.row = row, .member = weir_strdup(member), .value = value};
}

static weir_task_metrics *figures(uint64_t delivered)
{
    weir_task_metrics *m = weir_task_metrics_new();

    m->figures = (weir_task_figures){.emitted = delivered + 2,
                                     .delivered = delivered,
                                     .delivered_bytes = 10 * delivered,
                                     .delivery_us = 1500000,
                                     .errors = 3,
                                     .retries = 4,
                                     .last_error_ms = 1700000000123,
                                     .unsettled = 2,
                                     .oldest_ms = weir_now_ms() - 60000};
    m->kinds = weir_calloc(1, sizeof(*m->kinds));
    m->kinds[m->kind_count++] = (struct weir_error_kind){weir_strdup("too-large"), 3};
    m->plugin = "my-plugin";
    m->table = table;
    add_sample(m, 0, "a \"b\"", 7);
    add_sample(m, 0, "c", 8);
    add_sample(m, 1, NULL, 1);
    add_sample(m, 2, NULL, 0.25);
    return m;
}

static weir_metrics *much(void)
{
    weir_metrics *m = weir_new(weir_metrics);
    weir_task_metrics *other = weir_task_metrics_new();

    m->generation = 5;
    m->term = 77;
    m->leads = m->in_group = m->kafka_up = true;
    m->since_rebalance_ms = 1234;
    m->leader_url = weir_strdup("http://w1:8083/");
    m->tasks = weir_new_array(weir_metrics_task, 4);
    m->shown_tasks = 4;
    m->tasks[0] = (weir_metrics_task){
        .connector = weir_strdup("a"), .state = WEIR_STATE_RUNNING, .metrics = figures(10)};
    m->tasks[0].spent_ms[WEIR_STATE_RUNNING] = 3000;
    m->tasks[0].spent_ms[WEIR_STATE_PAUSED] = 1000;
    m->tasks[1] = (weir_metrics_task){
        .connector = weir_strdup("a"), .task = 1, .state = WEIR_STATE_UNASSIGNED};
    m->tasks[2] = (weir_metrics_task){.connector = weir_strdup("odd \"\\\nname"),
                                      .state = WEIR_STATE_FAILED,
                                      .stuck_ms = 6500,
                                      .metrics = figures(20)};
    m->tasks[3] = (weir_metrics_task){
        .connector = weir_strdup("z"), .state = WEIR_STATE_PAUSED, .metrics = other};
    other->plugin = "my_plugin";
    other->table = other_table;
    add_sample(other, 0, NULL, 99);
    add_sample(other, 1, NULL, 3);
    m->connectors = weir_new_array(weir_metrics_connector, 2);
    m->shown_connectors = 2;
    m->connectors[0] = (weir_metrics_connector){.name = weir_strdup("a"),
                                                .owned = true,
                                                .state = WEIR_STATE_RUNNING,
                                                .class_name = weir_strdup("my-plugin"),
                                                .version = weir_strdup("1.0.0"),
                                                .type = "source"};
    m->connectors[0].tasks[WEIR_STATE_RUNNING] = 1;
    m->connectors[0].tasks[WEIR_STATE_UNASSIGNED] = 1;
    m->connectors[1].name = weir_strdup("z"); /* somebody else's, but for a task */
    m->connectors[1].tasks[WEIR_STATE_PAUSED] = 1;
    return m;
}

#define ODD "odd \\\"\\\\\\nname"

static const char *const lines[] = {
    "weir_herder_up 1",
    "weir_group_is_leader 1",
    "weir_group_term 77",
    "weir_group_generation 5",
    "kafka_connect_worker_rebalance_leader_name{leader_name=\"http://w1:8083/\"} 1",
    "kafka_connect_worker_rebalance_time_since_last_rebalance_ms 1234",
    "kafka_connect_connector_status{connector=\"a\",status=\"running\"} 1",
    "kafka_connect_connector_connector_class{connector=\"a\",connector_class=\"my-plugin\"} 1",
    "kafka_connect_worker_connector_total_task_count{connector=\"a\"} 2",
    "kafka_connect_worker_connector_running_task_count{connector=\"a\"} 1",
    "kafka_connect_worker_connector_paused_task_count{connector=\"z\"} 1",
    "kafka_connect_worker_connector_destroyed_task_count{connector=\"z\"} 0",
    "kafka_connect_connector_task_status{connector=\"a\",task=\"1\",status=\"unassigned\"} 1",
    "kafka_connect_connector_task_status{connector=\"" ODD "\",task=\"0\",status=\"failed\"} 1",
    "kafka_connect_connector_task_running_ratio{connector=\"a\",task=\"0\"} 0.75",
    "kafka_connect_connector_task_pause_ratio{connector=\"a\",task=\"0\"} 0.25",
    "kafka_connect_source_task_source_record_write_total{connector=\"a\",task=\"0\"} 10",
    "kafka_connect_task_error_total_record_failures{connector=\"a\",task=\"0\"} 7",
    "kafka_connect_task_error_last_error_timestamp{connector=\"a\",task=\"0\"} 1700000000123",
    "weir_task_records_emitted_total{connector=\"a\",task=\"0\"} 12",
    "weir_task_bytes_delivered_total{connector=\"" ODD "\",task=\"0\"} 200",
    "weir_task_delivery_seconds_sum{connector=\"a\",task=\"0\"} 1.5",
    "weir_task_delivery_seconds_count{connector=\"a\",task=\"0\"} 10",
    "weir_task_errors_total{connector=\"a\",task=\"0\",kind=\"too-large\"} 3",
    "weir_task_stuck_seconds{connector=\"" ODD "\",task=\"0\"} 6.5",
    "# TYPE weir_my_plugin_seen_total counter",
    "weir_my_plugin_seen_total{connector=\"a\",task=\"0\",kind=\"a \\\"b\\\"\"} 7",
    "weir_my_plugin_seen_total{connector=\"a\",task=\"0\",kind=\"c\"} 8",
    "weir_my_plugin_link{connector=\"a\",task=\"0\",state=\"up\"} 0",
    "weir_my_plugin_link{connector=\"a\",task=\"0\",state=\"down\"} 1",
    "weir_my_plugin_age_seconds{connector=\"" ODD "\",task=\"0\"} 0.25",
    "weir_my_plugin_height{connector=\"z\",task=\"0\"} 3",
};

START_TEST(what_the_herder_knows_is_on_the_page)
{
    answer a;
    char *type;

    worker.herder.metrics = much;
    a = get(&worker, "/metrics");
    type = header(&a, "Content-Type");
    ck_assert_int_eq(a.status, 200);
    ck_assert_pstr_eq(type, TYPE);
    for (size_t i = 0; i < WEIR_COUNT(lines); i++)
        has(&a, lines[i]);
    /* An age is reckoned when it is asked for. */
    ck_assert_ptr_nonnull(
        strstr(a.body, "weir_task_oldest_unsettled_seconds{connector=\"a\",task=\"0\"} 6"));
    has_not(&a, "connector_class{connector=\"z\"");                   /* owned elsewhere */
    has_not(&a, "records_emitted_total{connector=\"a\",task=\"1\"}"); /* nothing told yet */
    has_not(&a, "Something else."); /* two plugins, one family: the first has it */
    ck_assert_int_eq(worker.herder.last.what, WEIR_ASK_METRICS);
    free(type);
    forget(&a);
}
END_TEST

START_TEST(a_family_comes_once_and_in_one_place)
{
    answer a;
    weir_map seen = WEIR_MAP(NULL);

    worker.herder.metrics = much;
    a = get(&worker, "/metrics");
    for (const char *at = a.body; *at; at = strchr(at, '\n') + 1) {
        char *name, *line = weir_memdup(at, strcspn(at, "\n"));

        if (strncmp(line, "# TYPE ", 7) == 0) {
            name = weir_memdup(line + 7, strcspn(line + 7, " "));
            ck_assert_msg(!weir_map_get(&seen, name), "%s twice", name);
            weir_map_set(&seen, name, &worker);
            free(name);
        }
        free(line);
    }
    ck_assert_uint_gt(seen.count, 50);
    weir_map_clear(&seen);
    forget(&a);
}
END_TEST

/* The herder does not come round: the page comes in time, with what is known without it. */
START_TEST(a_herder_that_does_not_answer_costs_its_part_of_the_page)
{
    answer a;

    worker.herder.replies[WEIR_ASK_METRICS].stall = true;
    worker.settings.rest_request_timeout_ms = 300;
    a = get(&worker, "/metrics");
    ck_assert_int_eq(a.status, 200);
    has(&a, "weir_herder_up 0");
    ck_assert_ptr_nonnull(strstr(a.body, "\nprocess_resident_memory_bytes "));
    has_not(&a, "kafka_connect_");
    forget(&a);
}
END_TEST

START_TEST(a_worker_that_ends_still_has_a_page)
{
    answer a;

    worker.herder.replies[WEIR_ASK_METRICS].code = WEIR_UNAVAILABLE;
    worker.herder.replies[WEIR_ASK_METRICS].message = "Worker is shutting down";
    a = get(&worker, "/metrics");
    ck_assert_int_eq(a.status, 200);
    has(&a, "weir_herder_up 0");
    forget(&a);
}
END_TEST

static const struct {
    const char *method, *headers;
    int status;
} asked[] = {
    {"GET", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n", 200},
    {"GET", "Accept: text/html\r\n", 200},
    {"GET", "Content-Type: text/plain\r\n", 200},
    {"HEAD", "", 200},
    {"POST", "", 405},
    {"DELETE", "", 405},
};

START_TEST(whoever_asks_gets_the_one_format)
{
    answer a = ask(&worker, asked[_i].method, "/metrics", asked[_i].headers, NULL);
    char *type = header(&a, "Content-Type");

    ck_assert_int_eq(a.status, asked[_i].status);
    if (a.status == 200)
        ck_assert_pstr_eq(type, TYPE);
    ck_assert_int_eq(a.status == 200 && a.body[0] != '\0', _i < 3);
    free(type);
    forget(&a);
}
END_TEST

/* ---- A thousand tasks ---------------------------------------------------------------------- */

#define MANY 1000

static weir_metrics *many(void)
{
    weir_metrics *m = weir_new(weir_metrics);

    m->tasks = weir_new_array(weir_metrics_task, MANY);
    m->connectors = weir_new_array(weir_metrics_connector, MANY);
    m->shown_tasks = m->shown_connectors = MANY;
    for (size_t i = 0; i < MANY; i++) {
        m->tasks[i] = (weir_metrics_task){.connector = weir_format("connector-%zu", i),
                                          .metrics = figures(i)};
        m->connectors[i] = (weir_metrics_connector){.name = weir_format("connector-%zu", i),
                                                    .owned = true,
                                                    .class_name = weir_strdup("my-plugin"),
                                                    .type = "source"};
    }
    return m;
}

START_TEST(a_thousand_tasks_fit_on_a_page)
{
    int64_t begun_ms, count = 0;
    answer a;

    worker.herder.metrics = many;
    begun_ms = weir_now_ms();
    a = get(&worker, "/metrics");
    ck_assert_int_eq(a.status, 200);
    for (const char *at = strstr(a.body, "weir_task_records_delivered_total{"); at;
         at = strstr(at + 1, "weir_task_records_delivered_total{"))
        count++;
    ck_assert_int_eq(count, MANY);
    has(&a, "weir_task_records_delivered_total{connector=\"connector-999\",task=\"0\"} 999");
    printf("%d tasks: %zu KiB in %lld ms\n", MANY, a.raw.size / 1024,
           (long long)(weir_now_ms() - begun_ms));
    forget(&a);
}
END_TEST

WEIR_UNIT_MAIN("metrics", tcase_add_checked_fixture(tests, start, stop);
               tcase_add_test(tests, what_the_herder_knows_is_on_the_page);
               tcase_add_test(tests, a_family_comes_once_and_in_one_place);
               tcase_add_test(tests, a_herder_that_does_not_answer_costs_its_part_of_the_page);
               tcase_add_test(tests, a_worker_that_ends_still_has_a_page);
               tcase_add_loop_test(tests, whoever_asks_gets_the_one_format, 0, WEIR_COUNT(asked));
               tcase_add_test(tests, a_thousand_tasks_fit_on_a_page);)
