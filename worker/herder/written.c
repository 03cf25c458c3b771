/* written.c - what became of commands that were written, in words: for who asked, and for the log.
 * Texts are Apache's (connect-rest-api.md 1.3, 1.4).
 */
#include "herder/state.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

static const char *failure_text(weir_ask what)
{
    switch (what) {
    case WEIR_ASK_DELETE:
        return "Error removing connector configuration from Kafka";
    case WEIR_ASK_PAUSE:
    case WEIR_ASK_RESUME:
        return "Error writing target state to Kafka";
    case WEIR_ASK_RESTART:
        return "Error writing restart request to Kafka";
    default:
        return "Error writing connector configuration to Kafka";
    }
}

/* What was done, for the log. */
static const char *deed(const weir_slot *slot)
{
    switch (slot->request.what) {
    case WEIR_ASK_CREATE:
        return "created";
    case WEIR_ASK_PUT_CONFIG:
        return slot->reply.created ? "created" : "changed";
    case WEIR_ASK_PATCH_CONFIG:
        return "changed";
    case WEIR_ASK_DELETE:
        return "deleted";
    case WEIR_ASK_PAUSE:
        return "paused";
    case WEIR_ASK_RESUME:
        return "resumed";
    case WEIR_ASK_STOP:
        return "stopped";
    default:
        return "restarted";
    }
}

void weir_answer_written(weir_herder *h, weir_slot *slot)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);
    json_t *body = slot->reply.body;

    weir_logf(WEIR_INFO, "connector '%s' %s, as asked", slot->connector, deed(slot));
    if (slot->request.what == WEIR_ASK_DELETE && slot->config.count > 0)
        weir_forget_stopped(h, slot->connector, &slot->config);

    switch (slot->request.what) {
    case WEIR_ASK_CREATE:
    case WEIR_ASK_PUT_CONFIG:
    case WEIR_ASK_PATCH_CONFIG:
        /* Deleted by the next command already? Then it was there for a moment. */
        body = entry ? weir_answer_connector(h, entry, slot->reply.created) : NULL;
        break;
    default:
        break;
    }
    weir_slot_answer(slot, body);
}

void weir_command_written(weir_herder *h, weir_slot *slot, weir_code code, const weir_err *err)
{
    if (code == WEIR_OK) {
        weir_answer_written(h, slot);
        return;
    }
    if (code == WEIR_FENCED) {
        slot->fenced = true;
        slot->fenced_term = h->term;
        weir_command_park(h, slot, slot->deadline_ms);
        return;
    }
    if (code == WEIR_CLOSED) { /* nothing was written: whoever leads next does it */
        weir_command_again(h, slot);
        return;
    }
    json_decref(slot->reply.body);
    slot->reply.body = NULL;
    weir_logf(WEIR_WARN, "%s (connector '%s'): %s", failure_text(slot->request.what),
              slot->connector, err->msg);
    weir_slot_refuse(slot, WEIR_FAILED, "%s", failure_text(slot->request.what));
}
