library(dplyr)
source("x.R")
# Doc.
f <- function(a, b = 1) { z <- helper(a); z }
g = function(x) x
K <- 3
setClass("P", representation(a = "numeric"))
