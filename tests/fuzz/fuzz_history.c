/* fuzz_history.c - whatever lies in the config topic, it can be told and judged, and what is told
 * as JSON is JSON.
 *
 * The input is a log: each line a record, "key<TAB>value" or "key" alone, a tombstone; an empty
 * line is a gap of seven offsets, as compaction leaves them.
 */
#include "fuzz.h"

#include "base/log.h"
#include "base/mem.h"
#include "history/history_check.h"
#include "history/history_text.h"

#include <fcntl.h>
#include <string.h>

FUZZ_WITHOUT_LOG

static void count_violation(void *ctx, int64_t offset, const char *text)
{
    size_t *count = ctx;

    require(offset >= 0 && text[0]);
    ++*count;
}

static void check_json(const weir_history_record *record)
{
    weir_buf line = WEIR_BUF;
    json_t *json = NULL;

    weir_history_json(record, &line);
    require(!memchr(line.data, '\n', line.size));
    require(weir_json_read(line.data, line.size, &json, NULL) == WEIR_OK);
    json_decref(json);
    weir_buf_free(&line);
}

static void tell(weir_history_teller *teller, const weir_history_record *record)
{
    weir_buf line = WEIR_BUF;

    weir_history_tell(teller, record, &line);
    for (size_t i = 0; i < line.size; i++)
        require((unsigned char)line.data[i] >= 0x20);
    weir_buf_free(&line);
}

static void feed(weir_history_check *check, weir_history_teller *teller, char *line, size_t size,
                 int64_t offset)
{
    char *tab = memchr(line, '\t', size);
    size_t key_size = tab ? (size_t)(tab - line) : size;
    const weir_log_record raw = {.key = line,
                                 .key_size = key_size,
                                 .value = tab ? tab + 1 : NULL,
                                 .value_size = tab ? size - key_size - 1 : 0,
                                 .offset = offset,
                                 .timestamp_ms = offset};
    weir_history_record record;

    line[key_size] = '\0';
    weir_history_check_feed(check, &raw);
    weir_history_decode(&raw, &record);
    tell(teller, &record);
    check_json(&record);
    weir_history_record_clear(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t found = 0;
    weir_history_check *check = weir_history_check_new(count_violation, &found);
    weir_history_teller *teller = weir_history_teller_new();
    const weir_history_figures *figures = weir_history_check_figures(check);
    int64_t offset = 0;

    while (size > 0) {
        const uint8_t *newline = memchr(bytes, '\n', size);
        size_t length = newline ? (size_t)(newline - bytes) : size;
        char *line = weir_memdup(bytes, length);

        if (length > 0)
            feed(check, teller, line, length, offset++);
        else
            offset += 7;
        free(line);
        bytes += length + (newline ? 1 : 0);
        size -= length + (newline ? 1 : 0);
    }
    require(figures->violations == found && figures->voids <= figures->assignments);
    weir_history_check_free(check);
    weir_history_teller_free(teller);
    return 0;
}
