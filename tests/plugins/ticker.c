/* ticker.c - the example of the documentation, compiled here so that it cannot rot. */
#include "docs/examples/ticker.c"
