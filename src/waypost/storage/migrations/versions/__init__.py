"""One file a revision, in the order of `migrations.PLAN`. There is no way back but the backup."""
