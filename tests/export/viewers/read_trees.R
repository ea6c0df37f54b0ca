# What ape reads: for every file one line "file NUMBER", then a line a branch with the names of child and
# parent and the length, or one line "error MESSAGE". Names are written as hexadecimal UTF-8, lengths with 17
# digits, so that nothing is lost on the way back; the root's parent is "-".
#
#     Rscript read_trees.R newick|nexus FILE…

suppressPackageStartupMessages(library(ape))

# ape takes the quotes of a name for part of it; docs/viewers.md has this line
unquoted <- function(names) gsub("^'|'$", "", names)

hexadecimal <- function(name) paste(charToRaw(enc2utf8(name)), collapse = "")

show <- function(tree) {
  names <- unquoted(c(tree$tip.label, tree$node.label))
  parent <- rep(NA_integer_, length(names))
  length <- rep(NaN, length(names))
  parent[tree$edge[, 2]] <- tree$edge[, 1]
  length[tree$edge[, 2]] <- tree$edge.length
  length[is.na(length)] <- NaN
  for (vertex in seq_along(names)) {
    above <- if (is.na(parent[vertex])) "-" else hexadecimal(names[parent[vertex]])
    cat(sprintf("%s %s %.17g\n", hexadecimal(names[vertex]), above, length[vertex]))
  }
}

arguments <- commandArgs(trailingOnly = TRUE)
read <- if (arguments[1] == "nexus") read.nexus else read.tree
for (number in seq_along(arguments)[-1]) {
  cat("file", number - 2, "\n")
  tree <- tryCatch(
    {
      tree <- suppressWarnings(read(arguments[number]))
      stopifnot("no tree was read" = inherits(tree, "phylo"))
      tree
    },
    error = function(error) {
      cat("error", gsub("\n", " ", conditionMessage(error)), "\n")
      NULL
    }
  )
  if (!is.null(tree)) show(tree)
}
