/* child_priv.h - what parent and child of child.h agree on.
 *
 * Descriptor 3 is the message socket, 4 the shared memory when there is any; the environment variable
 * CM_CHILD holds "<address space bytes>:<cpu seconds>", 0 for no limit. */
#ifndef CM_RT_CHILD_PRIV_H
#define CM_RT_CHILD_PRIV_H

#define CM_CHILD_SOCKET   3
#define CM_CHILD_MEMORY   4
#define CM_CHILD_VARIABLE "CM_CHILD"

/* clang says __has_feature, gcc defines macros. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CM_SANITIZED 1
#endif
#endif
#ifndef CM_SANITIZED
#define CM_SANITIZED 0
#endif

#endif
