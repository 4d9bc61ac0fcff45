#include <stdio.h>
#include "local.h"

#define LIMIT 10
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* A point
 * in the plane. */
typedef struct point {
    int x, y;
    struct point *next;
    char name[16];
    int (*compare)(const void *, const void *);
} point;

typedef int (*handler)(int code);
typedef struct { int a; } anonymous;
enum color { RED, GREEN = 2 };
union value { int i; float f; };
struct forward;

static int counter = 3;
const char *names[] = {"a", "b"};
extern int declared;
int prototype(int a);

// Adds two numbers.
static int add(int a, int b) {
    int sum = a + b;
    counter += sum;
    return MAX(sum, LIMIT);
}

char **
split(const char *text, char separator)
{
    point p = {.x = add(1, 2)};
    p.next->x = 4;
    for (int i = 0; i < p.x; i++) {
        printf("%d %c\n", i, separator);
    }
    return NULL;
}

int (*choose(int which))(int) {
    return which ? add1 : 0;
}
