"""An audit of pairs and edits that does not take the editor's word for anything."""
