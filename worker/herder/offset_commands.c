/* offset_commands.c - a connector's offsets, shown and changed (connect-rest-api.md 1.5).
 *
 * Nothing here waits: a command that has to be gone on with later is parked, and comes by again.
 * To show them, the topic is read to its end first. To change them, the connector is STOPPED and
 * all workers have let go of its tasks, whose last commits would come on top; then the topic is
 * read, so that offsets are changed under the keys that they have, then written, and once Kafka has
 * all of it the topic is read again: whoever asks afterwards, here, sees it.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/offset_store.h"

#include <string.h>

enum { READING, WRITING, READING_BACK }; /* slot->step */

static bool is_sink(const weir_herder *h, const weir_connector_entry *entry)
{
    return strcmp(weir_connector_type(h, &entry->config), "sink") == 0;
}

static void read_topic(weir_herder *h, weir_slot *slot)
{
    if (!slot->client)
        slot->client = weir_offset_client_new(h->offsets, slot->connector, -1);
    weir_offset_client_read(slot->client);
}

void weir_offsets_show(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Connector %s not found", slot->connector);
        return;
    }
    if (is_sink(h, entry)) {
        weir_slot_refuse(slot, WEIR_FAILED,
                         "Failed to retrieve consumer group offsets for sink connector %s",
                         slot->connector);
        return;
    }
    if (!slot->client)
        read_topic(h, slot);
    if (weir_offset_client_is_read(slot->client))
        weir_slot_answer(slot,
                         json_pack("{s:o}", "offsets", weir_offset_client_list(slot->client)));
    else
        weir_command_park(h, slot, slot->deadline_ms);
}

/* ---- Changing -------------------------------------------------------------------------------- */

static const char *deed(const weir_slot *slot)
{
    return slot->request.what == WEIR_ASK_ALTER_OFFSETS ? "altered" : "reset";
}

/* Out of the way of other commands about the connector. */
static void leave(weir_herder *h, const weir_slot *slot)
{
    if (weir_map_get(&h->altered, slot->connector) == slot)
        weir_map_remove(&h->altered, slot->connector);
}

void weir_offsets_give_up(weir_herder *h, weir_slot *slot)
{
    if (slot->client)
        leave(h, slot);
}

/* False: refused. */
static bool may_change(const weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Connector %s not found", slot->connector);
        return false;
    }
    if (entry->target != WEIR_STOPPED || entry->task_count > 0) {
        weir_slot_refuse(slot, WEIR_INVALID,
                         "Connectors must be in the STOPPED state before their offsets can be "
                         "modified. This can be done for the specified connector by issuing a "
                         "'PUT' request to the '/connectors/%s/stop' endpoint",
                         slot->connector);
        return false;
    }
    if (is_sink(h, entry)) {
        weir_slot_refuse(slot, WEIR_FAILED, "Failed to modify offsets for sink connector %s",
                         slot->connector);
        return false;
    }
    return true;
}

/* Refuses what no connector could have written. */
static bool is_primitive(weir_slot *slot, const json_t *map)
{
    const json_t *value;
    const char *field;

    json_object_foreach ((json_t *)(uintptr_t)map, field, value)
        if (json_is_object(value) || json_is_array(value)) {
            weir_slot_refuse(slot, WEIR_FAILED,
                             "Offsets may only contain primitive types as values, but field %s "
                             "contains %s",
                             field, json_is_object(value) ? "MAP" : "ARRAY");
            return false;
        }
    return true;
}

/* False: refused. */
static bool may_be_put(weir_slot *slot)
{
    json_t *list = NULL, *one;
    bool good = true;
    size_t i;

    if (slot->request.what == WEIR_ASK_RESET_OFFSETS)
        return true;
    if (weir_json_read(slot->offsets, strlen(slot->offsets), &list, NULL) != WEIR_OK) {
        weir_slot_refuse(slot, WEIR_FAILED, "these offsets are no JSON");
        return false;
    }
    json_array_foreach (list, i, one) {
        if (!good)
            break;
        good = json_is_object(json_object_get(one, "partition"));
        if (!good)
            weir_slot_refuse(slot, WEIR_INVALID,
                             "The partition for a source connector offset cannot be null or "
                             "missing");
        good = good && is_primitive(slot, json_object_get(one, "partition")) &&
               is_primitive(slot, json_object_get(one, "offset"));
    }
    json_decref(list);
    return good;
}

static weir_code put_one(weir_offset_client *client, const json_t *one)
{
    const json_t *offset = json_object_get(one, "offset");
    char *partition = weir_json_dump(json_object_get(one, "partition"));
    char *value = json_is_object(offset) ? weir_json_dump(offset) : NULL;
    char *canonical = NULL;
    weir_code rc = weir_offset_canonical(partition, &canonical, NULL);

    if (rc == WEIR_OK)
        rc = weir_offset_client_put(client, canonical, partition, value);
    free(canonical);
    free(partition);
    free(value);
    return rc;
}

static weir_code put_all(weir_slot *slot)
{
    json_t *list = NULL, *one;
    weir_code rc;
    size_t i;

    if (slot->request.what == WEIR_ASK_RESET_OFFSETS)
        return weir_offset_client_forget_all(slot->client);
    rc = weir_json_read(slot->offsets, strlen(slot->offsets), &list, NULL);
    json_array_foreach (list, i, one)
        if (rc == WEIR_OK)
            rc = put_one(slot->client, one);
    json_decref(list);
    return rc;
}

static void failed(weir_herder *h, weir_slot *slot, const char *why)
{
    leave(h, slot);
    weir_logf(WEIR_WARN, "offsets of connector '%s' not %s: %s", slot->connector, deed(slot), why);
    weir_slot_refuse(slot, WEIR_FAILED, "Failed to modify offsets for source connector %s",
                     slot->connector);
}

static void changed(weir_herder *h, weir_slot *slot)
{
    char *message = weir_format(
        "The Connect framework-managed offsets for this connector have been %s successfully. "
        "However, if this connector manages offsets externally, they will need to be manually %s "
        "in the system that the connector uses.",
        deed(slot), deed(slot));

    leave(h, slot);
    weir_logf(WEIR_INFO, "offsets of connector '%s' %s, as asked", slot->connector, deed(slot));
    weir_slot_answer(slot, json_pack("{s:s}", "message", message));
    free(message);
}

/* What it waits for has come: the next step, which may wait again. True: it is over. */
static bool step(weir_herder *h, weir_slot *slot)
{
    weir_code rc;

    switch (slot->step) {
    case READING:
        rc = put_all(slot);
        if (rc != WEIR_OK) {
            failed(h, slot, weir_code_text(rc));
            return true;
        }
        slot->step = WRITING;
        return false;
    case WRITING:
        if (weir_offset_client_failures(slot->client) > 0) {
            failed(h, slot, "Kafka refused some of them");
            return true;
        }
        slot->step = READING_BACK;
        read_topic(h, slot);
        return false;
    default:
        changed(h, slot);
        return true;
    }
}

static bool has_come(weir_slot *slot)
{
    return slot->step == WRITING ? weir_offset_client_unwritten(slot->client) == 0
                                 : weir_offset_client_is_read(slot->client);
}

void weir_offsets_change(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    if (!slot->client) {
        if (!may_change(h, slot, entry) || !may_be_put(slot))
            return;
        if (!weir_tasks_let_go(h, slot->connector)) {
            weir_command_again(h, slot);
            return;
        }
        weir_stage(h, "modifying offsets for connector %s", slot->connector);
        weir_map_set(&h->altered, slot->connector, slot);
        slot->step = READING;
        read_topic(h, slot);
    }
    while (has_come(slot))
        if (step(h, slot)) {
            weir_stage_done(h);
            return;
        }
    weir_command_park(h, slot, slot->deadline_ms);
}
