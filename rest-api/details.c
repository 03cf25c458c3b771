/* details.c - see details.h.
 *
 * Every other worker is asked at once, ours meanwhile; who has not answered in time is left out.
 */
#include "rest-api/details.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "rest-api/client.h"

#include <stdio.h>
#include <string.h>

#define DETAILS_MS 500

typedef struct peer {
    weir_fetch fetch;
    json_t *said; /* {"0": {…}}; NULL: nothing (yet) */
    bool done;
} peer;

static void drop_peer(void *value)
{
    peer *p = value;

    weir_fetch_close(&p->fetch);
    json_decref(p->said);
    free(p);
}

static char *address(weir_call *call, const char *worker)
{
    size_t size = strlen(worker);
    char *escaped = curl_easy_escape(NULL, call->args[0], 0);
    char *url =
        weir_format("%.*s/internal/connectors/%s/details",
                    (int)(size > 0 && worker[size - 1] == '/' ? size - 1 : size), worker, escaped);

    curl_free(escaped);
    return url;
}

/* One request a worker, however many tasks it has. */
static void open_peers(weir_call *call, const weir_reply *reply, CURLM *multi, weir_map *peers)
{
    for (size_t i = 0; i < reply->owner_count; i++) {
        const char *worker = reply->owners[i].url;
        peer *p;
        char *url;

        if (!worker || weir_map_get(peers, worker))
            continue;
        p = weir_new(peer);
        url = address(call, worker);
        weir_fetch_open(&p->fetch, url, DETAILS_MS, &call->abandoned);
        if (call->authorization)
            weir_fetch_header(&p->fetch, "Authorization", call->authorization);
        curl_easy_setopt(p->fetch.easy, CURLOPT_PRIVATE, p);
        curl_multi_add_handle(multi, p->fetch.easy);
        weir_map_set(peers, worker, p);
        free(url);
    }
}

static void finish(CURLMsg *message)
{
    peer *p = NULL;

    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&p);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &p->fetch.status);
    if (message->data.result == CURLE_OK && p->fetch.status == 200 &&
        weir_json_read(weir_buf_text(&p->fetch.body), p->fetch.body.size, &p->said, NULL) !=
            WEIR_OK)
        p->said = NULL;
}

static void run_peers(weir_call *call, CURLM *multi, int64_t deadline_ms)
{
    int running = 1;

    while (running > 0 && !atomic_load(&call->abandoned)) {
        int64_t left_ms = deadline_ms - weir_now_ms();
        CURLMsg *message;
        int queued;

        if (left_ms <= 0 || curl_multi_perform(multi, &running) != CURLM_OK)
            return;
        while ((message = curl_multi_info_read(multi, &queued)))
            finish(message);
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, (int)left_ms, NULL);
    }
}

static bool any_local(const weir_reply *reply)
{
    for (size_t i = 0; i < reply->owner_count; i++)
        if (!reply->owners[i].url)
            return true;
    return false;
}

static void add_to_rows(json_t *tasks, const weir_reply *reply, const weir_map *peers,
                        const json_t *local)
{
    json_t *row;
    size_t i;

    for (size_t k = 0; k < reply->owner_count; k++) {
        const weir_owner *owner = &reply->owners[k];
        const peer *p = owner->url ? weir_map_get(peers, owner->url) : NULL;
        char number[16];
        json_t *details;

        snprintf(number, sizeof(number), "%d", (int)owner->task);
        details = json_object_get(owner->url ? (p ? p->said : NULL) : local, number);
        json_array_foreach (tasks, i, row)
            if (details && weir_json_int(row, "id", -1) == owner->task)
                json_object_set_nocheck(row, "details", details);
    }
}

void weir_details_add(weir_call *call, json_t *tasks, const weir_reply *reply)
{
    int64_t deadline_ms = weir_now_ms() + DETAILS_MS;
    weir_map peers = WEIR_MAP(drop_peer);
    weir_reply local = {.code = WEIR_OK};
    CURLM *multi;

    if (!call->options->settings->rest_status_details || reply->owner_count == 0)
        return;
    multi = curl_multi_init();
    open_peers(call, reply, multi, &peers);
    if (peers.count > 0)
        curl_multi_perform(multi, &(int){0}); /* on their way before we turn to our own */
    if (any_local(reply)) {
        weir_request request = {.what = WEIR_ASK_DETAILS, .connector = call->args[0]};

        /* In memory: a herder that needs longer is busy with worse. */
        weir_herder_ask(call->options->herder, &request, deadline_ms - DETAILS_MS / 2, &local);
    }
    if (peers.count > 0)
        run_peers(call, multi, deadline_ms);
    add_to_rows(tasks, reply, &peers, local.body);
    WEIR_MAP_EACH (entry, &peers)
        curl_multi_remove_handle(multi, ((peer *)entry->value)->fetch.easy);
    weir_map_clear(&peers);
    curl_multi_cleanup(multi);
    weir_reply_clear(&local);
}
