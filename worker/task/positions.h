/* positions.h - where in a topic Kafka says that it has put records.
 *
 * Every record a producer has in a partition is further on than those before it. One that is not
 * was taken for the repeat of another: Kafka answers "it is there", with the other's offset, and
 * has thrown it away. It happens when a producer counts its records anew under the old producer id,
 * as librdkafka does when it takes an existing topic for a new one (CHANGELOG of 1.9.0, "message
 * loss"). A topic that was deleted and made again looks the same, and is no harm.
 */
#ifndef WEIR_TASK_POSITIONS_H
#define WEIR_TASK_POSITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed is empty. */
typedef struct weir_positions {
    int64_t *next; /* [room], by partition: the least that the next offset can be */
    size_t room;
} weir_positions;

/* False: another record is there. A negative offset is none, and says nothing: whether that will do
 * is for others to judge (weir_kafka_is_written()). */
bool weir_positions_note(weir_positions *positions, int32_t partition, int64_t offset);
void weir_positions_clear(weir_positions *positions);

#endif
