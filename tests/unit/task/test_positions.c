/* test_positions.c - a record that Kafka says is where another one is was not written. */
#include "task/positions.h"
#include "tests/support/unit.h"

static weir_positions positions;

static bool note(int32_t partition, int64_t offset)
{
    return weir_positions_note(&positions, partition, offset);
}

START_TEST(records_go_on_in_each_partition)
{
    for (int32_t partition = 0; partition < 100; partition += 33) {
        ck_assert(note(partition, 0));
        ck_assert(note(partition, 1));
        ck_assert(note(partition, 7)); /* others write, too */
    }
    ck_assert(note(0, 8));
    weir_positions_clear(&positions);
}
END_TEST

START_TEST(where_another_one_is_none_was_written)
{
    ck_assert(note(3, 40));
    ck_assert(note(3, 41));
    ck_assert(!note(3, 41));
    ck_assert(!note(3, 40));
    ck_assert(!note(3, 0));
    ck_assert(note(3, 42));
    ck_assert(note(2, 41)); /* another partition */
    weir_positions_clear(&positions);
}
END_TEST

START_TEST(without_an_offset_nothing_is_known)
{
    ck_assert(note(1, 5));
    ck_assert(note(1, -1001)); /* librdkafka's word for a repeat that Kafka has long had */
    ck_assert(note(-1, 5));
    ck_assert(!note(1, 5));
    weir_positions_clear(&positions);
    ck_assert(note(1, 0));
    weir_positions_clear(&positions);
}
END_TEST

WEIR_UNIT_MAIN("positions", tcase_add_test(tests, records_go_on_in_each_partition);
               tcase_add_test(tests, where_another_one_is_none_was_written);
               tcase_add_test(tests, without_an_offset_nothing_is_known);)
