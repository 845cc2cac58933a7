"""Pair images with more people and images with fewer."""

from throng.sections.rank_pairs import RankPairs
from throng.stage import main
from throng.stages import rank_pairs

if __name__ == "__main__":
    main(rank_pairs.run, RankPairs, globals().get("snakemake"))
