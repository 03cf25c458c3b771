/* other_abi.c - broken: made for another major version; nothing behind it means what it seems to.
 */
#include "weir_plugin.h"

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = 8,
    .abi_major = WEIR_ABI_MAJOR + 1,
    .name = (const char *)1,
    .source = (const weir_source *)1,
};
