"""Recipe of the native layer: pjproject from source, pjsua2's Python binding, and the C media bridge, in one wheel."""
