/* polite.h - threads that stand back: work nobody waits for.
 *
 * Nice and I/O priority of a thread can be lowered by anyone and raised again only by the privileged, so
 * polite threads are threads of their own, and so are the processes they start, which inherit both.
 *
 * Thread: the calling one is meant. */
#ifndef CM_RT_POLITE_H
#define CM_RT_POLITE_H

/* Nice 10 and the lowest best-effort I/O priority, for ever. What cannot be had is done without. */
void cm_thread_make_polite(void);

#endif
