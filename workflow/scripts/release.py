"""Write, index and verify the shards."""

from throng.sections.release import Release
from throng.stage import main
from throng.stages import release

if __name__ == "__main__":
    main(release.run, Release, globals().get("snakemake"))
