/* no_entry.c - broken: a shared object that exports something, but no weir_plugin_entry. */
__attribute__((visibility("default"))) int no_entry_at_all(void);

int no_entry_at_all(void)
{
    return 1;
}
