/* Macros used as syntax and #if that splits a declaration: half of real C files have some. */
API_EXPORT(int) exported_with_macro(int a)
{
    return a;
}

BEGIN_DECLS

EXTERN_API int with_prefix(void) { return 1; }

#if FEATURE
int split_by_if(int a)
#else
int split_by_if(int a, int b)
#endif
{
    return a;
}

static __always_inline int attribute(void) { return 2; }

LIST_HEAD(heads);

int after_errors(void) {
    list_for_each(item, list) { use(item); }
    return 0;
}

END_DECLS
