"""Readers of image collections: CrowdHuman, ShanghaiTech and plain folders, packed or not."""
