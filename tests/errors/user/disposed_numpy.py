"""Reading a tensor after dispose."""

import lithograph as lg

x = lg.ones((2,))
lg.dispose({'x': [x]})
x.numpy()
