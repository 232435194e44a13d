"""From a folder of pictures to a report on its clusters."""

from skdcec.folders._cluster_folder import cluster_folder

__all__ = ["cluster_folder"]
