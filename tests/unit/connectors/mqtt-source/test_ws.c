/* test_ws.c - frames: nothing is lost or added however they come, what must not come ends the
 * connection with the right code, and what leaves is what RFC 6455 wants of a client. */
#include "ws_peer.h"

#include "tests/support/unit.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Feeds `said` in pieces of `cut`, or in two with the cut behind byte `split`; adds MQTT's. */
static void take(mqtt_ws *ws, const mqtt_bytes *said, size_t split, size_t cut, mqtt_bytes *got)
{
    size_t size = mqtt_bytes_size(said), part;

    for (size_t at = 0; at < size; at += part) {
        uint8_t *piece;

        part = cut && cut < size - at ? cut : size - at;
        if (at < split && split - at < part)
            part = split - at;
        piece = malloc(part); /* so that a sanitizer sees its ends */
        memcpy(piece, said->data + at, part);
        mqtt_bytes_append(got, piece, mqtt_ws_take(ws, piece, part));
        free(piece);
    }
}

/* The frames that a client writes now: opcode and payload of the only one. */
static void expect_frame(mqtt_ws *ws, int opcode, const void *payload, size_t size)
{
    mqtt_bytes out = {0}, heard = {0};

    ws_collect(ws, &out);
    ck_assert_int_eq(ws_hear(&out, &heard), opcode);
    ck_assert_uint_eq(mqtt_bytes_size(&heard), size);
    if (size)
        ck_assert_mem_eq(heard.data, payload, size);
    ck_assert_uint_eq(mqtt_bytes_size(&out), 0);
    mqtt_bytes_free(&out);
    mqtt_bytes_free(&heard);
}

/* ---- In ----------------------------------------------------------------------------------------
 */

/* Frames of many kinds, and what is left of them. */
static void say_much(mqtt_bytes *said, mqtt_bytes *want)
{
    static const size_t sizes[] = {0, 1, 2, 125, 126, 127, 300, 3, 0, 5};
    uint8_t payload[70000];

    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    for (size_t i = 0; i < ROWS(sizes); i++) {
        ws_say(said, WS_FINAL | WS_BINARY, payload, sizes[i]);
        mqtt_bytes_append(want, payload, sizes[i]);
        if (i % 3 == 0)
            ws_say(said, WS_FINAL | WS_PING, "are you there", i);
        if (i % 4 == 0) /* to a ping that nobody has sent */
            ws_say(said, WS_FINAL | WS_PONG, payload, 125);
        ws_say(said, WS_BINARY, payload + i, 4); /* in parts, with something in between */
        ws_say(said, WS_FINAL | WS_PING, NULL, 0);
        ws_say(said, WS_MORE, payload + i + 4, 0);
        ws_say(said, WS_MORE, payload + i + 4, i);
        ws_say(said, WS_FINAL | WS_PONG, NULL, 0);
        ws_say(said, WS_FINAL | WS_MORE, payload + 2 * i + 4, 130);
        mqtt_bytes_append(want, payload + i, 4 + i + 130);
    }
}

static void play(const mqtt_bytes *said, const mqtt_bytes *want, size_t split, size_t cut)
{
    mqtt_ws *ws = ws_shaken();
    mqtt_bytes got = {0};

    take(ws, said, split, cut, &got);
    ck_assert_msg(!mqtt_ws_over(ws), "%s", mqtt_ws_why(ws));
    ck_assert_msg(mqtt_bytes_size(&got) == mqtt_bytes_size(want), "cut behind %zu, pieces of %zu",
                  split, cut);
    ck_assert_mem_eq(got.data, want->data, mqtt_bytes_size(want));
    mqtt_bytes_free(&got);
    mqtt_ws_free(ws);
}

START_TEST(frames_may_be_cut_anywhere_and_hold_any_part)
{
    mqtt_bytes said = {0}, want = {0};

    say_much(&said, &want);
    for (size_t split = 0; split < mqtt_bytes_size(&said); split++)
        play(&said, &want, split, 0);
    for (size_t cut = 1; cut < 300; cut++)
        play(&said, &want, 0, cut);
    mqtt_bytes_free(&said);
    mqtt_bytes_free(&want);
}
END_TEST

static const size_t sizes[] = {125, 126, 127, 65535, 65536, 65537, 1 << 20};

START_TEST(every_length_has_its_form)
{
    static uint8_t payload[1 << 20];
    mqtt_bytes said = {0}, want = {0};

    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 7 + (i >> 9));
    ws_say(&said, WS_FINAL | WS_BINARY, payload, sizes[_i]);
    mqtt_bytes_append(&want, payload, sizes[_i]);
    ws_say(&said, WS_FINAL | WS_BINARY, "x", 1);
    mqtt_bytes_append(&want, "x", 1);
    for (size_t split = 0; split < 16; split++)
        play(&said, &want, split, 0);
    play(&said, &want, 0, 4096);
    mqtt_bytes_free(&said);
    mqtt_bytes_free(&want);
}
END_TEST

/* It says nothing about what has to be there at a time. */
START_TEST(a_frame_of_eight_exabytes_is_no_matter)
{
    static const uint8_t head[] = {0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255};
    mqtt_ws *ws = ws_shaken();
    uint8_t bytes[4096];

    memcpy(bytes, head, sizeof(head));
    memset(bytes + sizeof(head), 'x', sizeof(bytes) - sizeof(head));
    ck_assert_uint_eq(mqtt_ws_take(ws, bytes, sizeof(bytes)), sizeof(bytes) - sizeof(head));
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_eq(mqtt_ws_take(ws, bytes, sizeof(bytes)), sizeof(bytes));
    ck_assert(!mqtt_ws_over(ws));
    mqtt_ws_free(ws);
}
END_TEST

/* What must not come: at once with its first wrong byte, and nothing behind it counts. */
static const struct {
    const char *bytes;
    size_t size; /* of `bytes`, up to what is wrong */
    uint16_t code;
    const char *says;
} wrong[] = {
    {"\xc2\x01", 2, 1002, "a reserved bit"},
    {"\xa2\x01", 2, 1002, "a reserved bit"},
    {"\x92\x01", 2, 1002, "a reserved bit"},
    {"\x83\x01", 2, 1002, "a reserved opcode"},
    {"\x87\x01", 2, 1002, "a reserved opcode"},
    {"\x8b\x00", 2, 1002, "a reserved opcode"},
    {"\x8f\x00", 2, 1002, "a reserved opcode"},
    {"\x82\x81", 2, 1002, "a masked frame"},
    {"\x89\x80", 2, 1002, "a masked frame"},
    {"\x09\x00", 2, 1002, "a control frame in parts"},
    {"\x08\x00", 2, 1002, "a control frame in parts"},
    {"\x89\x7e", 2, 1002, "more than 125 bytes"},
    {"\x88\x7f", 2, 1002, "more than 125 bytes"},
    {"\x80\x01", 2, 1002, "that has not begun"},
    {"\x02\x01x\x82\x01", 5, 1002, "inside another"},
    {"\x02\x00\x02\x01", 4, 1002, "inside another"},
    {"\x82\x00\x80\x01", 4, 1002, "that has not begun"},
    {"\x81\x01", 2, 1003, "a text frame"},
    {"\x01\x01", 2, 1003, "a text frame"},
    {"\x82\x7e\x00\x7d", 4, 1002, "more bytes than it needs"},
    {"\x82\x7e\x00\x00", 4, 1002, "more bytes than it needs"},
    {"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 10, 1002, "more bytes than it needs"},
    {"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10, 1002, "longer than any can be"},
    {"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10, 1002, "longer than any can be"},
    {"\x88\x01\x03", 3, 1002, "half a code"},
    {"\x88\x02\x03\xe7", 4, 1002, "must not be sent"}, /* 999 */
    {"\x88\x02\x03\xec", 4, 1002, "must not be sent"}, /* 1004 */
    {"\x88\x02\x03\xed", 4, 1002, "must not be sent"}, /* 1005 */
    {"\x88\x02\x03\xee", 4, 1002, "must not be sent"}, /* 1006 */
    {"\x88\x02\x03\xf7", 4, 1002, "must not be sent"}, /* 1015 */
    {"\x88\x02\x0b\xb7", 4, 1002, "must not be sent"}, /* 2999 */
    {"\x88\x02\x13\x88", 4, 1002, "must not be sent"}, /* 5000 */
    {"\x88\x03\x03\xe8\xff", 5, 1007, "not UTF-8"},
    {"\x88\x04\x03\xe8\xc3(", 6, 1007, "not UTF-8"},
};

START_TEST(what_must_not_come_ends_it_with_its_code)
{
    uint8_t code[2] = {(uint8_t)(wrong[_i].code >> 8), (uint8_t)wrong[_i].code};

    for (size_t cut = 1; cut <= wrong[_i].size + 3; cut++) {
        mqtt_bytes said = {0}, got = {0};
        mqtt_ws *ws = ws_shaken();

        ws_say(&said, WS_FINAL | WS_BINARY, "good", 4);
        mqtt_bytes_append(&said, wrong[_i].bytes, wrong[_i].size - 1);
        take(ws, &said, 0, cut, &got);
        ck_assert(!mqtt_ws_over(ws));
        mqtt_bytes_clear(&said);
        mqtt_bytes_append(&said, wrong[_i].bytes + wrong[_i].size - 1, 1);
        ws_say(&said, WS_FINAL | WS_BINARY, "lost", 4);
        take(ws, &said, 0, cut, &got);
        ck_assert(mqtt_ws_over(ws) && mqtt_ws_failed(ws));
        ck_assert_msg(strstr(mqtt_ws_why(ws), wrong[_i].says), "%s", mqtt_ws_why(ws));
        ck_assert_uint_le(mqtt_bytes_size(&got), 5);
        ck_assert_mem_eq(got.data, "good", 4);
        ck_assert_uint_eq(mqtt_ws_put(ws, "x", 1), 0);
        expect_frame(ws, WS_CLOSE, code, 2);
        mqtt_bytes_free(&said);
        mqtt_bytes_free(&got);
        mqtt_ws_free(ws);
    }
}
END_TEST

/* ---- Pings -------------------------------------------------------------------------------------
 */

START_TEST(a_ping_gets_its_bytes_back_and_a_pong_gets_nothing)
{
    mqtt_bytes said = {0}, got = {0};
    mqtt_ws *ws = ws_shaken();
    char payload[125];
    size_t size;

    memset(payload, 'p', sizeof(payload));
    ws_say(&said, WS_FINAL | WS_PING, payload, sizeof(payload));
    take(ws, &said, 0, 1, &got);
    expect_frame(ws, WS_PONG, payload, sizeof(payload));
    mqtt_bytes_clear(&said);
    ws_say(&said, WS_FINAL | WS_PING, NULL, 0);
    take(ws, &said, 0, 0, &got);
    expect_frame(ws, WS_PONG, NULL, 0);
    mqtt_bytes_clear(&said);
    ws_say(&said, WS_FINAL | WS_PONG, "unasked", 7);
    take(ws, &said, 0, 0, &got);
    ck_assert_ptr_null(mqtt_ws_output(ws, &size));
    ck_assert_uint_eq(mqtt_bytes_size(&got), 0);
    mqtt_bytes_free(&said);
    mqtt_ws_free(ws);
}
END_TEST

START_TEST(of_a_flood_of_pings_the_latest_is_answered)
{
    mqtt_bytes said = {0}, got = {0};
    mqtt_ws *ws = ws_shaken();

    for (uint32_t i = 0; i < 100000; i++)
        ws_say(&said, WS_FINAL | WS_PING, &i, sizeof(i));
    take(ws, &said, 0, 1000, &got);
    expect_frame(ws, WS_PONG, &(uint32_t){99999}, 4);
    mqtt_bytes_free(&said);
    mqtt_ws_free(ws);
}
END_TEST

START_TEST(a_pong_waits_for_the_frame_that_has_begun_and_for_no_other)
{
    mqtt_bytes said = {0}, got = {0}, out = {0}, heard = {0};
    mqtt_ws *ws = ws_shaken();
    uint8_t much[40000] = {0};
    const void *bytes;
    size_t size;

    ck_assert_uint_lt(mqtt_ws_put(ws, much, sizeof(much)), sizeof(much));
    bytes = mqtt_ws_output(ws, &size);
    mqtt_bytes_append(&out, bytes, 100);
    mqtt_ws_sent(ws, 100);
    ws_say(&said, WS_FINAL | WS_PING, "hello", 5);
    take(ws, &said, 0, 0, &got);
    ck_assert_uint_eq(mqtt_ws_put(ws, much, 1), 0); /* full: the task comes again with it */
    bytes = mqtt_ws_output(ws, &size);
    mqtt_bytes_append(&out, bytes, size);
    mqtt_ws_sent(ws, size);
    ck_assert_int_eq(ws_hear(&out, &heard), WS_BINARY);
    ck_assert_int_eq(ws_hear(&out, &heard), -1);
    ck_assert_uint_eq(mqtt_ws_put(ws, much, 1), 0); /* the pong goes first */
    expect_frame(ws, WS_PONG, "hello", 5);
    ck_assert_uint_eq(mqtt_ws_put(ws, much, 1), 1);
    mqtt_bytes_free(&said);
    mqtt_bytes_free(&out);
    mqtt_bytes_free(&heard);
    mqtt_ws_free(ws);
}
END_TEST

/* ---- Ends --------------------------------------------------------------------------------------
 */

static const struct {
    const char *payload;
    size_t size;
    const char *says; /* NULL: nothing */
} ends[] = {
    {"", 0, NULL},
    {"\x03\xe8", 2, "the broker closed the WebSocket: code 1000 (done)"},
    {"\x03\xe9so long", 9,
     "the broker closed the WebSocket: code 1001 (it is going away): 'so long'"},
    {"\x03\xf0too loud\r\n", 12, "code 1008 (against its rules): 'too loud?\?'"},
    {"\x03\xf5", 2, "code 1013 (try again later)"},
    {"\x03\xf6", 2, "code 1014 (what stands behind it answers wrongly)"},
    {"\x0f\xa0gr\xc3\xbc\xc3\x9f", 8, "code 4000: 'gr?\?\?\?'"},
};

START_TEST(a_close_is_answered_with_its_code_and_told_in_words)
{
    for (size_t cut = 1; cut < 20; cut++) {
        mqtt_bytes said = {0}, got = {0};
        mqtt_ws *ws = ws_shaken();

        ws_say(&said, WS_FINAL | WS_BINARY, "last", 4);
        ws_say(&said, WS_FINAL | WS_CLOSE, ends[_i].payload, ends[_i].size);
        ws_say(&said, WS_FINAL | WS_BINARY, "lost", 4);
        take(ws, &said, 0, cut, &got);
        ck_assert(mqtt_ws_over(ws) && !mqtt_ws_failed(ws));
        ck_assert_mem_eq(got.data, "last", 4);
        if (ends[_i].says)
            ck_assert_msg(strstr(mqtt_ws_why(ws), ends[_i].says), "%s", mqtt_ws_why(ws));
        else
            ck_assert_ptr_null(mqtt_ws_why(ws));
        expect_frame(ws, WS_CLOSE, ends[_i].payload, ends[_i].size ? 2 : 0);
        mqtt_ws_end(ws);
        ck_assert_ptr_null(mqtt_ws_output(ws, &(size_t){0}));
        mqtt_bytes_free(&said);
        mqtt_bytes_free(&got);
        mqtt_ws_free(ws);
    }
}
END_TEST

START_TEST(the_goodbye_comes_behind_everything_and_once)
{
    mqtt_bytes out = {0}, heard = {0}, said = {0}, got = {0};
    mqtt_ws *ws = ws_shaken();

    ck_assert_uint_eq(mqtt_ws_put(ws, "disconnect", 10), 10);
    mqtt_ws_end(ws);
    mqtt_ws_end(ws);
    ck_assert_uint_eq(mqtt_ws_put(ws, "more", 4), 0);
    ws_collect(ws, &out);
    ck_assert_int_eq(ws_hear(&out, &heard), WS_BINARY);
    ck_assert_mem_eq(heard.data, "disconnect", 10);
    mqtt_bytes_clear(&heard);
    ck_assert_int_eq(ws_hear(&out, &heard), WS_CLOSE);
    ck_assert_mem_eq(heard.data, "\x03\xe8", 2);
    ck_assert_uint_eq(mqtt_bytes_size(&out), 0);
    ws_say(&said, WS_FINAL | WS_BINARY, "crossed", 7); /* on its way when we said so */
    ws_say(&said, WS_FINAL | WS_PING, NULL, 0);        /* nothing may follow our Close */
    ws_say(&said, WS_FINAL | WS_CLOSE, "\x03\xe8", 2);
    take(ws, &said, 0, 0, &got);
    ck_assert_uint_eq(mqtt_bytes_size(&got), 7);
    ck_assert(mqtt_ws_over(ws) && !mqtt_ws_failed(ws));
    ck_assert_ptr_null(mqtt_ws_output(ws, &(size_t){0}));
    mqtt_bytes_free(&out);
    mqtt_bytes_free(&heard);
    mqtt_bytes_free(&said);
    mqtt_bytes_free(&got);
    mqtt_ws_free(ws);
}
END_TEST

/* ---- Out ---------------------------------------------------------------------------------------
 */

START_TEST(what_is_sent_is_masked_whole_and_as_large_as_it_may_be)
{
    mqtt_ws *ws = ws_shaken();
    mqtt_bytes out = {0}, heard = {0};
    uint8_t bytes[70000];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 13 + (i >> 8));
    for (size_t size = 1; size < 300; size++) {
        ck_assert_uint_eq(mqtt_ws_put(ws, bytes + size, size), size);
        expect_frame(ws, WS_BINARY, bytes + size, size);
    }
    for (size_t at = 0, part; at < sizeof(bytes); at += part) {
        part = mqtt_ws_put(ws, bytes + at, sizeof(bytes) - at);
        ck_assert_uint_gt(part, 0);
        ws_collect(ws, &out);
        ck_assert_int_eq(ws_hear(&out, &heard), WS_BINARY);
        ck_assert_uint_eq(mqtt_bytes_size(&out), 0);
    }
    ck_assert_uint_eq(mqtt_bytes_size(&heard), sizeof(bytes));
    ck_assert_mem_eq(heard.data, bytes, sizeof(bytes));
    mqtt_bytes_free(&out);
    mqtt_bytes_free(&heard);
    mqtt_ws_free(ws);
}
END_TEST

START_TEST(no_mask_comes_twice)
{
    enum { FRAMES = 500 };
    uint8_t masks[FRAMES][4];
    mqtt_ws *ws = ws_shaken();

    for (int i = 0; i < FRAMES; i++) {
        const uint8_t *bytes;
        size_t size;

        ck_assert_uint_eq(mqtt_ws_put(ws, "\0\0\0\0", 4), 4);
        bytes = mqtt_ws_output(ws, &size);
        ck_assert_uint_eq(size, 10);
        memcpy(masks[i], bytes + 2, 4);
        ck_assert_mem_eq(bytes + 6, masks[i], 4);
        mqtt_ws_sent(ws, size);
        for (int j = 0; j < i; j++) /* one chance in 30 000 that it does */
            ck_assert_mem_ne(masks[i], masks[j], 4);
    }
    mqtt_ws_free(ws);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source ws",
               tcase_add_test(tests, frames_may_be_cut_anywhere_and_hold_any_part);
               tcase_add_loop_test(tests, every_length_has_its_form, 0, ROWS(sizes));
               tcase_add_test(tests, a_frame_of_eight_exabytes_is_no_matter);
               tcase_add_loop_test(tests, what_must_not_come_ends_it_with_its_code, 0, ROWS(wrong));
               tcase_add_test(tests, a_ping_gets_its_bytes_back_and_a_pong_gets_nothing);
               tcase_add_test(tests, of_a_flood_of_pings_the_latest_is_answered);
               tcase_add_test(tests, a_pong_waits_for_the_frame_that_has_begun_and_for_no_other);
               tcase_add_loop_test(tests, a_close_is_answered_with_its_code_and_told_in_words, 0,
                                   ROWS(ends));
               tcase_add_test(tests, the_goodbye_comes_behind_everything_and_once);
               tcase_add_test(tests, what_is_sent_is_masked_whole_and_as_large_as_it_may_be);
               tcase_add_test(tests, no_mask_comes_twice);)
