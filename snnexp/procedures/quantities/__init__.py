"""What `procedure=analytic` can compute: one quantity a file, each made of functions of `snnexp.estimators`."""
