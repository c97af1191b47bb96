"""Every figure and every printed number of the paper, ours beside the paper's.

    python -m pinnspectra.paper [--only fig3]

The paper is C. Chen, Y. Yang, Y. Xiang and W. Hao, Automatic Differentiation is Essential in
Training Neural Networks for Solving Differential Equations. Its experiments are conf/experiment/.
"""
