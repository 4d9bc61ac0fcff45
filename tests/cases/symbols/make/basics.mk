include x.mk
CC := gcc
define multi
a
endef
# Doc.
all: a.o $(CC)
	$(CC) -o $@ $<
.PHONY: all
