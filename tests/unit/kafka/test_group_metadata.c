/* test_group_metadata.c - generation and member id out of librdkafka's serialised form, or nothing:
 * a library that writes another form must not make us believe in generation 0. */
#include "kafka/group.h"

#include "kafka/client.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static size_t serialise(char *out, const char *magic, int32_t generation, const char *rest,
                        size_t rest_size)
{
    size_t size = strlen(magic);

    memcpy(out, magic, size);
    memcpy(out + size, &generation, sizeof(generation));
    memcpy(out + size + sizeof(generation), rest, rest_size);
    return size + sizeof(generation) + rest_size;
}

START_TEST(generation_and_member_are_read)
{
    char bytes[128];
    size_t size = serialise(bytes, "CGMDv2:", 4711, "group\0w-uuid\0\1", 14);
    int32_t generation = 0;
    const char *member = NULL;

    ck_assert(weir_group_metadata_parse(bytes, size, &generation, &member));
    ck_assert_int_eq(generation, 4711);
    ck_assert_str_eq(member, "w-uuid");
}
END_TEST

START_TEST(what_is_cut_or_foreign_is_refused)
{
    char bytes[128];
    size_t size = serialise(bytes, "CGMDv2:", 1, "group\0w-uuid\0\1", 14);
    int32_t generation;
    const char *member;

    for (size_t cut = 0; cut < size - 1; cut++) /* the last byte: no instance id */
        ck_assert_msg(!weir_group_metadata_parse(bytes, cut, &generation, &member), "%zu", cut);
    size = serialise(bytes, "CGMDv3:", 1, "group\0w-uuid\0\1", 14);
    ck_assert(!weir_group_metadata_parse(bytes, size, &generation, &member));
    ck_assert(!weir_group_metadata_parse("", 0, &generation, &member));
}
END_TEST

START_TEST(the_loaded_library_writes_what_we_read)
{
    rd_kafka_consumer_group_metadata_t *metadata =
        rd_kafka_consumer_group_metadata_new_with_genid("g", 7, "member", NULL);
    int32_t generation = 0;
    const char *member = NULL;
    void *bytes = NULL;
    size_t size = 0;

    ck_assert_ptr_nonnull(metadata);
    ck_assert_ptr_null(rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size));
    ck_assert(weir_group_metadata_parse(bytes, size, &generation, &member));
    ck_assert_int_eq(generation, 7);
    ck_assert_str_eq(member, "member");
    rd_kafka_mem_free(NULL, bytes);
    rd_kafka_consumer_group_metadata_destroy(metadata);
}
END_TEST

WEIR_UNIT_MAIN("group_metadata", tcase_add_test(tests, generation_and_member_are_read);
               tcase_add_test(tests, what_is_cut_or_foreign_is_refused);
               tcase_add_test(tests, the_loaded_library_writes_what_we_read);)
