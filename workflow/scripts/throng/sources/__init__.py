"""Readers of image collections: CrowdHuman, ShanghaiTech, Penn-Fudan and plain folders, packed or not."""
