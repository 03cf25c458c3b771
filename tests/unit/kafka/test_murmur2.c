/* test_murmur2.c - our records land in the partitions in which a Java client puts and seeks them:
 * the vectors of connect-internals.md 1.9, taken from Java, against librdkafka's partitioner. */
#include "tests/support/unit.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <string.h>

static const struct {
    const char *key;
    int32_t status_partition, offset_partition; /* of 5, of 25 */
} vectors[] = {
    {"status-connector-foo", 3, 3},
    {"status-task-foo-0", 1, 11},
    {"status-topic-orders:connector-foo", 4, 14},
    {"[\"foo\",{\"filename\":\"/tmp/x\"}]", 0, 20},
    {"[\"mm\",{\"cluster\":\"c\",\"partition\":3,\"topic\":\"t\"}]", 4, 4},
    {"connector-foo", 1, 6},
    {"", 1, 6},
};

START_TEST(a_key_has_java_s_partition)
{
    const char *key = vectors[_i].key;

    ck_assert_int_eq(rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key), 5, NULL, NULL),
                     vectors[_i].status_partition);
    ck_assert_int_eq(rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key), 25, NULL, NULL),
                     vectors[_i].offset_partition);
    ck_assert_int_eq(rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key), 1, NULL, NULL), 0);
}
END_TEST

WEIR_UNIT_MAIN("murmur2", tcase_add_loop_test(tests, a_key_has_java_s_partition, 0,
                                              (int)(sizeof(vectors) / sizeof(vectors[0])));)
