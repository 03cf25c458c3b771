/* test_settings.c - what is refused, what is warned of, and who reads what. */
#include "config_host.h"

#include "tests/support/unit.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *pairs[10];
    const char *note, *says;
} findings[] = {
    {{"mqtt.server.uri", "ssl://h,tcp://h"}, "WARN mqtt.server.uri", "with TLS and some without"},
    {{"mqtt.server.uri", "ws://h,wss://h"}, "WARN mqtt.server.uri", "with TLS and some without"},
    {{"mqtt.server.uri", "http://h"}, "ERROR mqtt.server.uri", "'http' is unknown"},
    {{"mqtt.server.uri", "http://h"}, "ERROR mqtt.server.uri", "over WebSocket ws:// and wss://"},
    {{"mqtt.server.uri", "ws://h/a b"}, "ERROR mqtt.server.uri", "without blanks"},
    {{"mqtt.server.uri", "ws://h/\xc3\xa4"}, "ERROR mqtt.server.uri", "to be ASCII"},
    {{"mqtt.server.uri", "ws://h/a#b"}, "ERROR mqtt.server.uri", "without '#'"},
    {{"mqtt.server.uri", "ws://h?a=b"}, "ERROR mqtt.server.uri", "has to begin with '/'"},
    {{"mqtt.server.uri", "ws://u:p@h/mqtt"}, "ERROR mqtt.server.uri", "mqtt.username"},
    {{"mqtt.server.uri", "wss://:443/mqtt"}, "ERROR mqtt.server.uri", "no host"},
    {{"mqtt.server.uri", "wss://h:0/mqtt"}, "ERROR mqtt.server.uri", "no port"},
    {{"mqtt.ws.path", "mqtt"}, "ERROR mqtt.ws.path", "begin with '/'"},
    {{"mqtt.ws.path", "/a b"}, "ERROR mqtt.ws.path", "without blanks"},
    {{"mqtt.ws.path", "/ws"}, "WARN mqtt.ws.path", "no effect: no ws:// or wss://"},
    {{"mqtt.ws.path", "/ws", "mqtt.server.uri", "ws://h/a,wss://h/"},
     "WARN mqtt.ws.path",
     "of its own"},
    {{"mqtt.ws.headers.A", "b"}, "WARN mqtt.ws.headers.A", "no effect: no ws:// or wss://"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.A b", "c"},
     "ERROR mqtt.ws.headers.A b",
     "no name"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.", "c"}, "ERROR mqtt.ws.headers.", "no name"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.A:", "c"},
     "ERROR mqtt.ws.headers.A:",
     "no name"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.A", "b\r\nC: d"},
     "ERROR mqtt.ws.headers.A",
     "line's end"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.A", "b\n"},
     "ERROR mqtt.ws.headers.A",
     "line's end"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.A", "\x7f"},
     "ERROR mqtt.ws.headers.A",
     "no HTTP header"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.hOST", "x"},
     "ERROR mqtt.ws.headers.hOST",
     "the handshake"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.Upgrade", "x"},
     "ERROR mqtt.ws.headers.Upgrade",
     "the handshake"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.Connection", "x"},
     "ERROR mqtt.ws.headers.Connection",
     "the handshake"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.sec-websocket-key", "x"},
     "ERROR mqtt.ws.headers.sec-websocket-key",
     "the handshake"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.Transfer-Encoding", "x"},
     "ERROR mqtt.ws.headers.Transfer-Encoding",
     "the handshake"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ws.headers.A", "x", "mqtt.ws.headers.a", "x"},
     "ERROR mqtt.ws.headers.a",
     "given twice"},
    {{"mqtt.server.uri", "ws://h", "mqtt.ssl.ca.location", "/ca.pem"},
     "WARN mqtt.ssl.ca.location",
     "no effect"},
    {{"mqtt.server.uri", "h:1883"}, "ERROR mqtt.server.uri", "tcp://host:1883"},
    {{"mqtt.server.uri", "tcp://"}, "ERROR mqtt.server.uri", "no host"},
    {{"mqtt.server.uri", "tcp://h:0"}, "ERROR mqtt.server.uri", "no port"},
    {{"mqtt.server.uri", "tcp://h:65536"}, "ERROR mqtt.server.uri", "no port"},
    {{"mqtt.server.uri", "tcp://h:1x"}, "ERROR mqtt.server.uri", "no port"},
    {{"mqtt.server.uri", "tcp://h/path"}, "ERROR mqtt.server.uri", "nothing may follow"},
    {{"mqtt.server.uri", "tcp://u:p@h"}, "ERROR mqtt.server.uri", "mqtt.username"},
    {{"mqtt.server.uri", "tcp://[::1"}, "ERROR mqtt.server.uri", "no host"},
    {{"mqtt.server.uri", " , "}, "ERROR mqtt.server.uri", "no broker"},
    {{"mqtt.server.uri", "mqtts://h", "mqtt.ssl.certificate.location", "c.pem"},
     "ERROR mqtt.ssl.certificate.location",
     "without mqtt.ssl.key.location"},
    {{"mqtt.ssl.ca.location", "/ca.pem"}, "WARN mqtt.ssl.ca.location", "no effect"},
    {{"mqtt.ssl.endpoint.identification.algorithm", "none"},
     "WARN mqtt.ssl.endpoint.identification.algorithm",
     "no effect"},
    {{"mqtt.topics", "a/#/b"}, "ERROR mqtt.topics", "last level"},
    {{"mqtt.topics", "a/b#"}, "ERROR mqtt.topics", "last level"},
    {{"mqtt.topics", "a+/b"}, "ERROR mqtt.topics", "whole level"},
    {{"mqtt.topics", "$share/g"}, "ERROR mqtt.topics", "$share/<group>/<filter>"},
    {{"mqtt.topics", ""}, "ERROR mqtt.topics", "no topic filter"},
    {{"mqtt.topics", "/a"}, "WARN mqtt.topics", "first level is empty"},
    {{"mqtt.topics", "a/#,a/b"}, "WARN mqtt.topics", "overlap"},
    {{"mqtt.topics", "a,a"}, "WARN mqtt.topics", "overlap"},
    {{"mqtt.qos", "3"}, "ERROR mqtt.qos", "none of 0, 1, 2"},
    {{"mqtt.qos", "0,1"}, "ERROR mqtt.qos", "one for each"},
    {{"mqtt.qos", "0"}, "WARN mqtt.qos", "stores nothing"},
    {{"mqtt.clean.session.enabled", "true"}, "WARN mqtt.clean.session.enabled", "loses"},
    {{"mqtt.password", "p"}, "ERROR mqtt.password", "mqtt.username"},
    {{"mqtt.session.expiry.interval.seconds", "0"},
     "ERROR mqtt.session.expiry.interval.seconds",
     "would be lost"},
    {{"mqtt.receive.maximum", "11", "max.unacked.records", "10"},
     "ERROR mqtt.receive.maximum",
     "more at once (11) than max.unacked.records takes (10)"},
    {{"mqtt.maximum.packet.size", "1023"}, "ERROR mqtt.maximum.packet.size", "1024 at least"},
    {{"mqtt.will.enabled", "true"}, "ERROR mqtt.will.topic", "is needed"},
    {{"mqtt.will.enabled", "true", "mqtt.will.topic", "a/+"}, "ERROR mqtt.will.topic", "no topic"},
    {{"mqtt.will.enabled", "true", "mqtt.will.topic", "#"}, "ERROR mqtt.will.topic", "no topic"},
    {{"mqtt.will.enabled", "true", "mqtt.will.topic", "\xff"}, "ERROR mqtt.will.topic", "no topic"},
    {{"mqtt.will.enabled", "true", "mqtt.will.topic", "w", "mqtt.will.payload", "a\n"},
     "ERROR mqtt.will.payload",
     "printable"},
    {{"mqtt.will.enabled", "true", "mqtt.will.topic", "w", "mqtt.will.payload", "caf\xc3\xa9"},
     "ERROR mqtt.will.payload",
     "printable"},
    {{"mqtt.will.topic", "w"}, "WARN mqtt.will.topic", "no effect"},
    {{"mqtt.will.enabled", "true", "mqtt.will.topic", "w", "mqtt.version", "3.1.1",
      "mqtt.will.delay.seconds", "5"},
     "WARN mqtt.will.delay.seconds",
     "no effect"},
    {{"mqtt.client.id", ""}, "ERROR mqtt.client.id", "1 to 65535"},
    {{"mqtt.client.id", "abcdefghijklmnopqrstuvwxyz"}, "INFO mqtt.client.id", "23 bytes"},
    {{"mqtt.client.id", "me-${uuid}"}, "ERROR mqtt.client.id", "another client at each start"},
    {{"mqtt.client.id", "${randomInt}"}, "ERROR mqtt.client.id", "'${randomInt}' would be"},
    {{"mqtt.client.id", "me-${uuid}", "mqtt.clean.session.enabled", "true"},
     "ERROR mqtt.client.id",
     "'${uuid}' is not known"},
    {{"mqtt.client.id", "${host}-${task}"}, "ERROR mqtt.client.id", "'${host}' is not known"},
    {{"mqtt.client.id", "${task"}, "ERROR mqtt.client.id", "'${task' is not known"},
    {{"mqtt.topics", "$share/g/a", "mqtt.qos", "2"}, "WARN mqtt.qos", "no other member"},
    {{"mqtt.task.assignment", "shared", "mqtt.qos", "2"}, "WARN mqtt.qos", "no other member"},
    {{"mqtt.reconnect.backoff.ms", "9", "mqtt.reconnect.backoff.max.ms", "8"},
     "ERROR mqtt.reconnect.backoff.ms",
     "larger"},
    {{"ack.mode", "receive"}, "WARN ack.mode", "lost"},
    {{"log.payload.level", "info"}, "WARN log.payload.level", "personal"},
    {{"mqtt.task.assignment", "shared"}, "WARN mqtt.task.assignment", "hash"},
    {{"mqtt.task.assignment", "shared"}, "INFO mqtt.task.assignment", "no retained messages"},
    {{"mqtt.task.assignment", "shared"}, "INFO mqtt.version", "mosquitto, EMQX"},
    {{"mqtt.task.assignment", "shared", "mqtt.version", "3.1.1"}, "WARN mqtt.version", "nothing"},
    {{"mqtt.connector.topics", "a"}, "ERROR mqtt.connector.topics", "not to be given"},
    {{"mqtt.task.assignment", "shared", "mqtt.share.group", "a/b"},
     "ERROR mqtt.share.group",
     "must not"},
};

static void fill_more(mqtt_settings *settings, const char *const *more)
{
    const char *pairs[16] = {"mqtt.server.uri", "tcp://broker", "mqtt.topics", "a/b"};
    size_t n = 4;

    for (; *more; more += 2, n += 2) {
        pairs[n] = more[0];
        pairs[n + 1] = more[1];
    }
    fill(settings, pairs);
}

START_TEST(a_finding_names_its_key)
{
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    fill_more(&settings, findings[_i].pairs);
    ck_assert_int_eq(mqtt_validate(&l->host, &settings), WEIR_DONE);
    ck_assert_msg(noted(l, findings[_i].note, findings[_i].says), "no %s in:%s", findings[_i].note,
                  all_notes(l));
    ck_assert_uint_eq(l->errors > 0, findings[_i].note[0] == 'E');
    free(l);
}
END_TEST

static const char *const nothing_wrong[][9] = {
    {"mqtt.server.uri", "tcp://h,ws://h:9001,ws://h:9002/mqtt", "mqtt.ws.path", "/ws?a=b",
     "mqtt.ws.headers.Authorization", "Bearer x\xc3\xa4"},
    {"mqtt.version", "5", "mqtt.password", "p"}, /* MQTT 5 has passwords without a user name */
    {"mqtt.session.expiry.interval.seconds", "0", "mqtt.clean.session.enabled", "true"},
    {"mqtt.receive.maximum", "10", "max.unacked.records", "10"},
    {"mqtt.will.enabled", "true", "mqtt.will.topic", "w/${connector}/${task}",
     "mqtt.will.delay.seconds", "5", "mqtt.version", "5"},
};

START_TEST(what_fits_together_is_not_refused)
{
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    fill_more(&settings, nothing_wrong[_i]);
    ck_assert_int_eq(mqtt_validate(&l->host, &settings), WEIR_DONE);
    ck_assert_msg(!l->errors, "%s", all_notes(l));
    free(l);
}
END_TEST

START_TEST(a_password_in_an_address_is_not_repeated)
{
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    fill_more(&settings, (const char *const[]){"mqtt.server.uri", "tcp://u:s3cret@h", NULL});
    mqtt_validate(&l->host, &settings);
    ck_assert_ptr_null(strstr(all_notes(l), "s3cret"));
    free(l);
}
END_TEST

static const struct {
    const char *uri, *host, *port;
    bool tls, ws;
    const char *path, *shown; /* NULL: none; as it is */
} endpoints[] = {
    {"ws://h", "h", "80", false, true, NULL, NULL},
    {"ws://h:9001", "h", "9001", false, true, NULL, NULL},
    {"ws://h/", "h", "80", false, true, "/", NULL},
    {"WSS://h/mqtt", "h", "443", true, true, "/mqtt", NULL},
    {"ws://[::1]:8083/mqtt", "::1", "8083", false, true, "/mqtt", NULL},
    {"wss://[::1]/a:b@c/d", "::1", "443", true, true, "/a:b@c/d", NULL},
    {"wss://h:444/$iothub/websocket?iothub-no-client-cert=true", "h", "444", true, true,
     "/$iothub/websocket?iothub-no-client-cert=true", "wss://h:444/$iothub/websocket"},
    {"tcp://h", "h", "1883", false, false, NULL, NULL},
    {"mqtt://h:1", "h", "1", false, false, NULL, NULL},
    {"TCP://h:65535", "h", "65535", false, false, NULL, NULL},
    {"tcp://[::1]:1884", "::1", "1884", false, false, NULL, NULL},
    {"tcp://[fe80::1]", "fe80::1", "1883", false, false, NULL, NULL},
    {"tcp://10.0.0.1:1883/", "10.0.0.1", "1883", false, false, NULL, NULL},
    {"ssl://h", "h", "8883", true, false, NULL, NULL},
    {"tls://h", "h", "8883", true, false, NULL, NULL},
    {"MQTTS://[::1]/", "::1", "8883", true, false, NULL, NULL},
    {"ssl://h:443", "h", "443", true, false, NULL, NULL},
};

START_TEST(an_address_is_taken_apart)
{
    mqtt_endpoint endpoint;
    char why[128];

    ck_assert(mqtt_endpoint_parse(endpoints[_i].uri, &endpoint, why, sizeof(why)));
    ck_assert_str_eq(endpoint.host, endpoints[_i].host);
    ck_assert_str_eq(endpoint.port, endpoints[_i].port);
    ck_assert_int_eq(endpoint.tls, endpoints[_i].tls);
    ck_assert_int_eq(endpoint.ws, endpoints[_i].ws);
    ck_assert_pstr_eq(endpoint.path, endpoints[_i].path);
    ck_assert_str_eq(endpoint.uri, endpoints[_i].shown ? endpoints[_i].shown : endpoints[_i].uri);
    mqtt_endpoint_clear(&endpoint);
}
END_TEST

START_TEST(headers_are_bounded_and_their_values_are_nowhere)
{
    char *value = calloc(1, 9001);
    const char *const pairs[] = {"mqtt.server.uri",
                                 "ws://h",
                                 "mqtt.ws.headers.A",
                                 value,
                                 "mqtt.ws.headers.B",
                                 value,
                                 "mqtt.topics",
                                 "t",
                                 NULL};
    mqtt_settings settings;
    listener *l;

    memset(value, 's', 9000);
    fill(&settings, pairs);
    l = listener_new("mqtt-source");
    mqtt_validate(&l->host, &settings);
    ck_assert_msg(strstr(all_notes(l), "16 KiB at most"), "%s", all_notes(l));
    ck_assert_ptr_null(strstr(all_notes(l), "ssss"));
    free(value);
    free(l);
}
END_TEST

START_TEST(a_list_survives_commas_of_its_own)
{
    size_t count;
    char **list = mqtt_list_split(" a\\,b , c,,d ", &count);
    char *joined = mqtt_list_join(list, count);

    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(list[0], "a,b");
    ck_assert_str_eq(list[2], "d");
    ck_assert_str_eq(joined, "a\\,b,c,d");
    free(joined);
    mqtt_list_free(list, count);
}
END_TEST

static const struct {
    const char *a, *b;
    bool overlap;
} overlaps[] = {
    {"a", "a", true},     {"a", "b", false},      {"a/#", "a", true},
    {"#", "x/y", true},   {"a/+", "a/b", true},   {"a/+", "a/b/c", false},
    {"+/b", "a/+", true}, {"a/b", "a/bc", false}, {"a", "a/b", false},
};

START_TEST(overlapping_filters_are_known)
{
    ck_assert_int_eq(mqtt_filters_overlap(overlaps[_i].a, overlaps[_i].b), overlaps[_i].overlap);
    ck_assert_int_eq(mqtt_filters_overlap(overlaps[_i].b, overlaps[_i].a), overlaps[_i].overlap);
}
END_TEST

static const struct {
    const char *pairs[8];
    int max_tasks;
    size_t tasks;
    const char *first, *note;
} plans[] = {
    {{NULL}, 1, 1, "mqtt.topics=a/b mqtt.qos=1 mqtt.client.id=${connector}-${task}", NULL},
    {{NULL},
     3,
     1,
     "mqtt.topics=a/b mqtt.qos=1 mqtt.client.id=${connector}-${task}",
     "WARN tasks.max: 1 task will run"},
    {{"mqtt.topics", "b,a", "mqtt.qos", "0,2"},
     1,
     1,
     "mqtt.topics=b,a mqtt.qos=0,2 mqtt.client.id=${connector}-${task}",
     NULL},
    {{"mqtt.topics", "a/#,a/b,+/b", "mqtt.qos", "0,1,2"},
     4,
     1,
     "mqtt.topics=a/#,a/b,+/b mqtt.qos=0,1,2 mqtt.client.id=${connector}-${task}",
     "WARN tasks.max: 1 task will run: there are 3 topic filters, those that overlap stay"},
    {{"mqtt.topics", "a,b,c", "mqtt.client.id", "me"}, 2, 2, NULL, "WARN mqtt.client.id"},
    {{"mqtt.topics", "a,b", "mqtt.will.enabled", "true", "mqtt.will.topic", "w"},
     2,
     2,
     NULL,
     "WARN mqtt.will.topic"},
    {{"mqtt.topics", "a,b\\,c", "mqtt.task.assignment", "shared"},
     3,
     3,
     "mqtt.topics=$share/conn/a,$share/conn/b\\,c mqtt.qos=1,1 "
     "mqtt.client.id=${connector}-${task}",
     NULL},
};

START_TEST(the_plan_divides_the_filters)
{
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    fill_more(&settings, plans[_i].pairs);
    ck_assert_int_eq(mqtt_plan(&l->host, &settings, plans[_i].max_tasks), WEIR_DONE);
    ck_assert_uint_eq(l->task_count, plans[_i].tasks);
    if (plans[_i].first)
        ck_assert_str_eq(l->tasks[0], plans[_i].first);
    if (plans[_i].note)
        ck_assert_msg(noted(l, plans[_i].note, ""), "%s", all_notes(l));
    free(l);
}
END_TEST

/* Which of the tasks has this filter? Everyone knows all of them. */
static size_t task_with(const listener *l, const char *filter)
{
    size_t found = l->task_count;

    for (size_t i = 0; i < l->task_count; i++) {
        char own[64];

        ck_assert_int_eq(sscanf(l->tasks[i], "mqtt.topics=%63s ", own), 1);
        ck_assert_ptr_nonnull(strstr(l->tasks[i], " mqtt.connector.topics="));
        if (strchr(own, *filter)) {
            ck_assert_uint_eq(found, l->task_count);
            found = i;
        }
    }
    ck_assert_uint_lt(found, l->task_count);
    return found;
}

START_TEST(the_order_of_writing_does_not_move_filters_between_tasks)
{
    static const char *const filters[] = {"a", "b", "c", "d", "e"};
    listener *one = listener_new("mqtt-source"), *other = listener_new("mqtt-source");
    mqtt_settings settings;

    fill_more(&settings, (const char *const[]){"mqtt.topics", "a,b,c,d,e", NULL});
    mqtt_plan(&one->host, &settings, 3);
    fill_more(&settings, (const char *const[]){"mqtt.topics", "e,c,a,d,b", NULL});
    mqtt_plan(&other->host, &settings, 3);
    ck_assert_uint_eq(one->task_count, 3);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(task_with(one, filters[i]), task_with(other, filters[i]));
    free(one);
    free(other);
}
END_TEST

#define NEAR(uri, id)                                                                              \
    {                                                                                              \
        "other", 2,                                                                                \
            (const weir_pair[]){                                                                   \
                {"task.class", "mqtt-source"}, {"mqtt.server.uri", uri}, {"mqtt.client.id", id}},  \
            id[0] ? 3 : 2                                                                          \
    }

static const struct {
    weir_neighbour other;
    const char *id;
    int tasks;
    bool meets;
} neighbours[] = {
    {NEAR("tcp://broker", "x"), "x", 1, true},
    {NEAR("mqtt://BROKER:1883", "x"), "x", 1, true},
    {NEAR("tcp://a,tcp://broker:1883", "x"), "x", 1, true},
    {NEAR("tcp://broker", "x-${task}"), "x-${task}", 3, true},
    {NEAR("tcp://broker", "x-${task}"), "x-${task}", 2, false},
    {NEAR("tcp://broker", "conn-0"), "${connector}-${task}", 1, true},
    {NEAR("tcp://broker", ""), "other-2", 1, true}, /* the default */
    {NEAR("tcp://broker", "${connector}-${task}"), "${connector}-${task}", 3, false},
    {NEAR("tcp://broker:1884", "x"), "x", 1, false},
    {NEAR("tcp://elsewhere", "x"), "x", 1, false},
    {NEAR("nonsense", "x"), "x", 1, false},
    {NEAR("tcp://broker", "y"), "x", 1, false},
};

START_TEST(a_client_id_belongs_to_one_connector_at_each_broker)
{
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    l->host.neighbours = &neighbours[_i].other;
    l->host.neighbour_count = 1;
    fill_more(&settings, (const char *const[]){"mqtt.topics", "a,b,c", "mqtt.client.id",
                                               neighbours[_i].id, NULL});
    mqtt_plan(&l->host, &settings, neighbours[_i].tasks);
    ck_assert_msg(noted(l, "ERROR mqtt.client.id", "connector 'other' is '") ==
                      neighbours[_i].meets,
                  "%s", all_notes(l));
    ck_assert_uint_eq(l->errors, neighbours[_i].meets);
    free(l);
}
END_TEST

START_TEST(every_key_says_what_it_does)
{
    for (const weir_option *option = mqtt_options; option->name; option++) {
        ck_assert_msg(option->doc && option->doc[strlen(option->doc) - 1] == '.', "%s",
                      option->name);
        ck_assert_msg(option->group != NULL, "%s", option->name);
        if (option->type == WEIR_INT)
            ck_assert_msg(strtoll(option->fallback, NULL, 10) >= option->min &&
                              (!option->max || strtoll(option->fallback, NULL, 10) <= option->max),
                          "%s", option->name);
    }
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source settings",
               tcase_add_loop_test(tests, a_finding_names_its_key, 0, ROWS(findings));
               tcase_add_loop_test(tests, what_fits_together_is_not_refused, 0,
                                   ROWS(nothing_wrong));
               tcase_add_test(tests, a_password_in_an_address_is_not_repeated);
               tcase_add_loop_test(tests, an_address_is_taken_apart, 0, ROWS(endpoints));
               tcase_add_test(tests, headers_are_bounded_and_their_values_are_nowhere);
               tcase_add_test(tests, a_list_survives_commas_of_its_own);
               tcase_add_loop_test(tests, overlapping_filters_are_known, 0, ROWS(overlaps));
               tcase_add_loop_test(tests, the_plan_divides_the_filters, 0, ROWS(plans));
               tcase_add_test(tests, the_order_of_writing_does_not_move_filters_between_tasks);
               tcase_add_loop_test(tests, a_client_id_belongs_to_one_connector_at_each_broker, 0,
                                   ROWS(neighbours));
               tcase_add_test(tests, every_key_says_what_it_does);)
