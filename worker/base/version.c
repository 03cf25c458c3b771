/* version.c - see version.h. The Makefile defines both for this file alone. */
#include "base/version.h"

const char weir_version[] = WEIR_VERSION;
const char weir_commit[] = WEIR_COMMIT;
