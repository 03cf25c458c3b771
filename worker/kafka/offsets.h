/* offsets.h - the offset topic for those who read and write it: tasks, and the herder for the REST
 * API. The store, its log and P behind one lock.
 *
 * Everybody has a client of their own, for one connector. What it asks for happens elsewhere and
 * later: it is told by its wakeup_fd that it should look again. Nothing here waits.
 *
 * Ownership  A client may outlive weir_offsets_free(): nothing comes of what it asks for then.
 * Threads    A client belongs to one thread at a time; the rest is [any] unless it says otherwise.
 * Zombies    What librdkafka has in hand when its worker loses Kafka may go out when a successor
 *            has written already, as with Connect: an older offset comes back, and records with it,
 *            twice. What was written stays so until the successor writes that partition again.
 */
#ifndef WEIR_KAFKA_OFFSETS_H
#define WEIR_KAFKA_OFFSETS_H

#include "base/err.h"
#include "base/json.h"
#include "base/props.h"
#include "kafka/producer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_offsets weir_offsets;
typedef struct weir_offset_client weir_offset_client;

/* Tokens of P's writes that are ours, for whoever hears P's reports. */
#define WEIR_OFFSETS_TOKEN (UINT64_C(1) << 63)

/* Begins to read `topic`, which exists. `producer` outlives weir_offsets_close(). */
WEIR_MUST_CHECK weir_code weir_offsets_open(const weir_props *props, const char *topic,
                                            weir_producer *producer, weir_offsets **ret_offsets,
                                            weir_err *err);
/* Before P is closed: nothing is read or written any more. Bounded (about a second). NULL is fine,
 * and so is twice. */
void weir_offsets_close(weir_offsets *offsets);
/* After P is closed, which still reports. */
void weir_offsets_free(weir_offsets *offsets);
/* Has the topic been read to where it ended at the start? */
bool weir_offsets_are_read(weir_offsets *offsets);
/* [producer] What became of the write with this token. */
void weir_offsets_written(weir_offsets *offsets, uint64_t token, weir_code code);

/* `wakeup_fd`: an eventfd that outlives the client; -1: it asks by itself. */
weir_offset_client *weir_offset_client_new(weir_offsets *offsets, const char *connector,
                                           int wakeup_fd);
/* What is on its way goes on. NULL is fine. */
void weir_offset_client_free(weir_offset_client *client);

/* Asks that the topic be read up to where it ends now; for as long as Kafka is away. */
void weir_offset_client_read(weir_offset_client *client);
/* Has that been done? Before, answers may be those of yesterday. */
bool weir_offset_client_is_read(weir_offset_client *client);
/* The offset of a partition (offset_store.h tells what `canonical` is), the caller's to free();
 * NULL: none. */
char *weir_offset_client_get(weir_offset_client *client, const char *canonical);
/* All of the connector's, as the REST API shows them. The caller's reference. */
json_t *weir_offset_client_list(weir_offset_client *client);

/* Puts an offset (NULL: forgets it) on its way. WEIR_FULL: too much is on its way already;
 * WEIR_CLOSED: the worker ends. Both: try again, all of it. */
WEIR_MUST_CHECK weir_code weir_offset_client_put(weir_offset_client *client, const char *canonical,
                                                 const char *partition_json,
                                                 const char *offset_json);
/* Forgets all that is known of the connector's. */
WEIR_MUST_CHECK weir_code weir_offset_client_forget_all(weir_offset_client *client);
/* How many of its writes Kafka has not confirmed. */
size_t weir_offset_client_unwritten(weir_offset_client *client);
/* Has any come to nothing since the next one was last asked? */
bool weir_offset_client_failed(weir_offset_client *client);
/* How many came to nothing since this was last asked: they have to be put again. */
size_t weir_offset_client_failures(weir_offset_client *client);

#endif
