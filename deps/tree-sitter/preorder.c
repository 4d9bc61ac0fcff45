/* See preorder.h. A level is a node with children; its `entry` is the child the visit stands on. Hidden nodes are
 * levels like others but are never given out. */
#include "tree_sitter/preorder.h"
#include "./array.h"
#include "./language.h"
#include "./subtree.h"
#include "./tree.h"

typedef struct {
  Subtree parent;
  const TSSymbol *aliases; /* of the parent's structural children; NULL = none has one */
  uint32_t next;           /* child that comes next */
  uint32_t structural;     /* number of the entry among the children that are not extras */
  uint32_t structural_next;
  Length end;              /* of the entry */
  TSSymbol symbol;         /* of the entry, as callers know it; 0 = it is hidden */
} Level;

struct TSPreorder {
  const TSTree *tree;
  const uint8_t *flags;
  uint32_t flag_count;
  bool started;
  const Subtree *current; /* the entry of the last level, or the root */
  Length position;        /* where it starts, without its padding */
  Array(Level) levels;
};

TSPreorder *ts_preorder_new(const TSTree *tree, const uint8_t *flags, uint32_t flag_count) {
  TSPreorder *self = ts_calloc(1, sizeof(TSPreorder));
  self->tree = tree;
  self->flags = flags;
  self->flag_count = flag_count;
  array_init(&self->levels);
  return self;
}

void ts_preorder_delete(TSPreorder *self) {
  array_delete(&self->levels);
  ts_free(self);
}

static void enter(TSPreorder *self) {
  Level level = {
    .parent = *self->current,
    .aliases = ts_language_alias_sequence(self->tree->language, self->current->ptr->production_id),
    .end = self->position,
  };
  array_push(&self->levels, level);
}

static TSSymbol public_symbol(const TSPreorder *self, Subtree subtree, TSSymbol alias) {
  if (alias == 0 && !ts_subtree_visible(subtree)) return 0;
  return ts_language_public_symbol(self->tree->language, alias ? alias : ts_subtree_symbol(subtree));
}

/* Moves to the next child of the last level and gives its alias. */
static TSSymbol step(TSPreorder *self, Level *level) {
  const Subtree *child = &ts_subtree_children(level->parent)[level->next];
  TSSymbol alias = 0;
  /* The padding of a first child is that of its parent. */
  self->position = level->next > 0 ? length_add(level->end, ts_subtree_padding(*child)) : level->end;
  self->current = child;
  level->end = length_add(self->position, ts_subtree_size(*child));
  level->structural = level->structural_next;
  if (!ts_subtree_extra(*child)) {
    alias = level->aliases ? level->aliases[level->structural] : 0;
    level->structural_next++;
  }
  level->next++;
  level->symbol = public_symbol(self, *child, alias);
  return alias;
}

static bool is_wanted(const TSPreorder *self, TSSymbol symbol) {
  return symbol < self->flag_count && self->flags[symbol] != 0;
}

static bool give(const TSPreorder *self, TSSymbol alias, TSNode *node) {
  *node = ts_node_new(self->tree, self->current, self->position, alias);
  return true;
}

bool ts_preorder_next(TSPreorder *self, bool descend, TSNode *node) {
  if (!self->started) {
    self->started = true;
    self->current = &self->tree->root;
    self->position = ts_subtree_padding(self->tree->root);
    if (is_wanted(self, public_symbol(self, self->tree->root, 0))) return give(self, 0, node);
  }
  for (;;) {
    if (descend && ts_subtree_child_count(*self->current) > 0) enter(self);
    descend = true;
    Level *level;
    for (;;) {
      if (self->levels.size == 0) return false;
      level = array_back(&self->levels);
      if (level->next < ts_subtree_child_count(level->parent)) break;
      (void)array_pop(&self->levels);
    }
    TSSymbol alias = step(self, level);
    if (level->symbol != 0 && is_wanted(self, level->symbol)) return give(self, alias, node);
  }
}

/* Field that the entry of a level has in its parent. */
static TSFieldId field_at(const TSPreorder *self, const Level *level) {
  const TSFieldMapEntry *map, *end;
  if (ts_subtree_extra(ts_subtree_children(level->parent)[level->next - 1])) return 0;
  ts_language_field_map(self->tree->language, level->parent.ptr->production_id, &map, &end);
  for (; map < end; map++) {
    if (!map->inherited && map->child_index == level->structural) return map->field_id;
  }
  return 0;
}

uint32_t ts_preorder_path(const TSPreorder *self, uint32_t max, TSFieldId *fields, TSSymbol *symbols) {
  uint32_t count = 0;
  TSFieldId field = 0;
  for (uint32_t i = self->levels.size; i-- > 0 && count < max;) {
    /* Through hidden nodes: a field may be set where they stand. */
    field = field ? field : field_at(self, array_get(&self->levels, i));
    TSSymbol around = i > 0 ? array_get(&self->levels, i - 1)->symbol : public_symbol(self, self->tree->root, 0);
    if (around == 0 && i > 0) continue;
    fields[count] = field;
    symbols[count++] = around;
    field = 0;
  }
  return count;
}
