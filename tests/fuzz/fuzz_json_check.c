/* fuzz_json_check.c - no input reads out of bounds, and what is JSON is UTF-8. */
#include "json_check.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (mqtt_is_json(data, size) && !mqtt_is_utf8(data, size))
        abort();
    return 0;
}
