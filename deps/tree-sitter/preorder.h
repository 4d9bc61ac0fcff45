/* preorder.h - visits the nodes of a syntax tree that a caller cares for, parents before children.
 *
 * Ours, compiled into the tree-sitter runtime because it reads the runtime's own nodes: a TSTreeCursor spends some 350
 * instructions on each node of a file, most of them on nodes (punctuation, keywords) nobody asked for. Nodes, fields and
 * order are those of a TSTreeCursor. */
#ifndef TREE_SITTER_PREORDER_H
#define TREE_SITTER_PREORDER_H

#include <tree_sitter/api.h>

typedef struct TSPreorder TSPreorder;

/* `flags` has one entry for each of the first `flag_count` symbols; nodes whose entry is 0 are passed by. Both it and
 * the tree must outlive the visit. */
TSPreorder *ts_preorder_new(const TSTree *tree, const uint8_t *flags, uint32_t flag_count);
void ts_preorder_delete(TSPreorder *self);
/* False: there are no more. With `descend` false the inside of the node before is left out. */
bool ts_preorder_next(TSPreorder *self, bool descend, TSNode *node);
/* Where the node that the last call gave stands, outwards: in which field it is (0 = none) and what the node is that has
 * the field, then the same for that node, at most `max` times. Gives how many there are. */
uint32_t ts_preorder_path(const TSPreorder *self, uint32_t max, TSFieldId *fields, TSSymbol *symbols);

#endif
