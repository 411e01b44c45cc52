def test_x(command, tmp_path):
    for a in (["sg=foo"], ["--cfg","job"], ["optimizer.lr=-1"], ["-m","seed=1,2",f"paths.outputs={tmp_path}","trainer.max_epochs=1","network.widths=[4]","dataset.train_samples=8","dataset.batch_size=8","threads=1","trainer.accelerator=cpu"]):
        e = command(*a)
        print(e.out[-300:], "ERR", e.err, e.code)
