"""What the parts of a corpus are called in files: training, held-out and test sentences, whatever the case."""

TRAIN_NAMES = ("train", "training")
DEV_NAMES = ("dev", "development", "validation", "valid", "val", "eval", "evaluation")
TEST_NAMES = ("test", "testing")
