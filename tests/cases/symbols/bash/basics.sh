#!/bin/bash
source ./lib.sh
. /etc/x
NAME=1
export Y=2
# Doc
function foo() {
  local a=1
  echo "$a $NAME"
  bar "$a"
}
bar() { foo; }
