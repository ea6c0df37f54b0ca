"""What labels and sites say about a tree: composition, agreement, enrichment, what tells branches apart."""
