"""Link profiles/local and profiles/slurm into the folder where Snakemake looks profiles up by name.

``profiles/default`` is not linked: Snakemake finds it beside the Snakefile.
"""

import sys
from pathlib import Path

from snakemake.common import get_appdirs

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Link every profile, or exit naming the user's own profile that stands in the way."""
    folder = Path(get_appdirs().user_config_dir)
    profiles = sorted(path.parent for path in HERE.glob("*/config.yaml") if path.parent.name != "default")
    taken = [folder / profile.name for profile in profiles if not is_free(folder / profile.name)]
    if taken:
        names = ", ".join(map(str, taken))
        sys.exit(f"{names}: a profile of yours has this name; rename it, or use --profile profiles/slurm")
    folder.mkdir(parents=True, exist_ok=True)
    for profile in profiles:
        link = folder / profile.name
        link.unlink(missing_ok=True)
        link.symlink_to(profile)
        print(f"{link} -> {profile}")


def is_free(link: Path) -> bool:
    """Return whether nothing stands at ``link`` but a profile of a throng checkout, or one that is gone."""
    if not link.is_symlink():
        return not link.exists()
    return not link.exists() or (link.resolve().parent / "install.py").is_file()


if __name__ == "__main__":
    main()
