"""Take people out of one chunk of photographs."""

from throng.sections.remove import Remove
from throng.stage import main
from throng.stages import remove

if __name__ == "__main__":
    main(remove.run, Remove, globals().get("snakemake"))
