"""Surnames too common to identify anybody, even together with an initial. Comparing names does not belong here."""

from typing import Final

RARE: Final = 2
"""A surname outside `COMMON` is rare if at most this many different first names occur with it in a week."""
_COMMON: Final = """
    abbas abdullah abebe adams adeyemi agarwal ahmad ahmadi ahmed akbari akhtar allen almeida alonso alvarez alves
    amin andersen anderson andersson ansari araujo arora aydin aziz baker bakker bang barbosa bauer becker bell berg
    bernard bertrand bhat bhatia bianchi blanc boer bonnet bose braun brown bruijn bruno campbell carlsen carter
    carvalho castillo castro celik chang chatterjee chavez chen cheng cheon chiang choi chopra chou choudhary chow
    chowdhury christensen chung clark clarke cohen collins colombo conti cook cooper costa cruz dang dasgupta david
    davies davis dekker demir deng desai diallo dias diaz dijk ding dixit doan dogan dominguez dong dubois dupont
    durand edwards endo eriksson esposito evans farooq feng fernandes fernandez fernando ferrari ferreira fischer
    fisher flores fontana foster fournier friedman fujii fujita gallo garcia garnier georgiou ghosh giordano girard
    gomes gomez goncalves gong gonzalez goto goyal gray greco green guan gupta gustafsson gutierrez hall hamid hansen
    harris hartmann hasan hasegawa hashimoto hassan hayashi henriksen hernandez herrera hill hoang hoffmann hong
    horvath hosseini howard hsieh huang huber hughes hussain hussein huynh hwang ibrahim ikeda inoue iqbal ishii
    ishikawa islam ivanov ivanova iyer jackson jain james jang jansen janssen jensen jeon jeong jiang jimenez johansen
    johansson johnson jones jong joshi jung kang kapoor karimi karlsson kato katz kaya keller kelly khalil khan kimura
    king klein kobayashi koch kohler kondo kong konig korhonen kovacs kovalenko kowalczyk kowalska kowalski kramer
    krause krishnan kruger kulkarni kumar kuznetsov kuznetsova kwak kwon lambert lange larsen larsson laurent lebedev
    lefebvre lehmann leroy leung levy lewis liang liao lima lindberg ling lombardi long lopes lopez luong machado
    madsen maeda mahmoud maier malhotra malik mancini mansour marino marques martin martinez martins matsumoto mayer
    mcdonald medina mehta meier melnyk mendes mendoza meng mensah meyer michel mikhailov miller mishra mitchell
    mizrahi mohamed mohammadi mohammed monteiro moon moore morales moreau moreira morel moreno moretti morgan mori
    morozov morris mostafa mueller mukherjee mulder muller munoz murakami murphy murray mustafa mwangi nagy nair
    nakajima nakamura nascimento nasser navarro ndiaye nelson neumann nguyen nielsen nilsson novak novikov nowak nunes
    ogawa okada okafor okeke oliveira olsen olsson omar ortiz osman otieno ozdemir ozturk pandey pang papadopoulos
    park parker patel pedersen peeters peng pereira perera perez perry persson petersen peterson petit petrov petrova
    pham phan phillips pillai pinto popov popova prasad price qian qiao rahman raman ramirez ramos rashid rasmussen
    reddy reed reyes rezaei ribeiro ricci richard richards richardson richter rinaldi rivera rizzo robert roberts
    robinson rocha rodrigues rodriguez rogers romano romero ross rossi rousseau roux ruiz russell russo saha sahin
    saito sakamoto saleh salem sanchez sanders santiago santos sasaki sato saxena sayed schmid schmidt schmitt
    schneider schulz schulze schwarz scott serrano sethi shah shao sharma sheikh shen shevchenko shimizu shin shukla
    siddiqui sidorov silva simon simpson singh sinha smirnov smirnova smit smith soares sokolov sokolova song sorensen
    soto sousa souza srivastava stevens stewart suarez suzuki svensson szabo takahashi tanaka tang taylor teixeira
    thakur thomas thompson tian tiwari tong torres toth tran traore trinh trivedi truong tsai tsang turner vargas
    varma vasiliev vazquez verma vieira vincent virtanen visser volkov vries vuong wagner walker wang ward watanabe
    watson weber weiss werner white willems williams wilson winkler wisniewski wojcik wolf wong wood wright xiao xiong
    yadav yamada yamaguchi yamamoto yamashita yamazaki yang yildirim yildiz yilmaz yoon yoshida young yuan zeng zhai
    zhang zhao zheng zhong zhou zhuang zimmermann волков иванов иванова кузнецов лебедев морозов новиков петров
    петрова попов сидоров смирнов смирнова соколов шевченко
"""
COMMON: Final = frozenset(_COMMON.split())
"""Common surnames of at least four letters, without accents, from many countries. They are listed because a
week with few names does not show which surnames are common."""
